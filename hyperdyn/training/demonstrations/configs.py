"""What a set of demonstrations is made of."""

from dataclasses import dataclass

from hyperdyn.envs.suite.grids import GRIDS
from hyperdyn.errors import InputError, require_known

EXPERTS = ("planner", "sac")


@dataclass(frozen=True, kw_only=True)
class DemonstrationConfig:
    """Some specifications of a task, each shown several times by an expert.

    Raises:
        UnknownNameError: If there is no such task or expert.
        InputError: If a number is out of range.
    """

    task: str
    """Such as "cheetah-speed"; `hyperdyn.envs.suite.GRIDS` has all."""
    expert: str
    """"planner": iCEM on the true simulator; "sac": one policy for all specifications."""
    trajectories: int = 10
    """R, episodes of each specification."""
    steps: int = 1000
    """T, of an episode; the reward of a step is at most 1."""
    ids: tuple[int, ...] = ()
    """Specifications to show, by their place in the task's grid; none given: all."""
    seed: int = 0
    """Of every random number."""

    def __post_init__(self) -> None:
        """Check names and numbers, and write out which specifications are meant."""
        require_known("task", self.task, GRIDS)
        require_known("expert", self.expert, EXPERTS)
        for name in ("trajectories", "steps"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1; got {getattr(self, name)}.")
        count = len(GRIDS[self.task])
        ids = self.ids or tuple(range(count))
        if len(set(ids)) != len(ids) or not all(0 <= row < count for row in ids):
            raise InputError(
                f"ids name specifications of {self.task}, 0 to {count - 1}, each once; "
                f"got {list(self.ids)}."
            )
        object.__setattr__(self, "ids", tuple(sorted(ids)))
