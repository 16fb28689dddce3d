"""A workload that takes no time."""

from hyperdyn.benchmarks.workloads import Workload

TINY = Workload(
    name="tiny",
    state=5,
    action=2,
    hidden=(8, 6),
    candidates=10,
    horizon=3,
    task="locomotion",
)
