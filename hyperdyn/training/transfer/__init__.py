"""The GenHyper study: sampled policies in tasks that are new to them, tuned, and as proposals."""
