"""Training samplers of policies on collected experts."""
