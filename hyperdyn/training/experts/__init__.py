"""Experts of many tasks at once: soft actor-critic as one batched program, a task a row."""
