"""Training generators: tasks, collecting, fitting, checkpoints, evaluation."""
