"""Experts of the control suite's tasks, and what they showed, on disk."""
