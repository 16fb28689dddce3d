"""Goal-conditioned policies on pushing: demonstrations, hindsight pairs, training and trials."""
