"""Policy generators: trained by cloning experts, and scored on specifications they never saw."""
