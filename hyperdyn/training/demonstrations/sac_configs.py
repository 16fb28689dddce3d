"""How a specification-conditioned expert is trained."""

from dataclasses import dataclass
from typing import Any

from hyperdyn.envs.suite.grids import GRIDS
from hyperdyn.errors import InputError, require_known


@dataclass(frozen=True, kw_only=True)
class SACConfig:
    """Soft actor-critic (Haarnoja et al., 2018) over all specifications of a task at once.

    The policy sees the observation and the scaled specification; each episode has one drawn
    uniformly from the task's grid. It is an expert, whose demonstrations are split afterwards.

    Raises:
        UnknownNameError: If there is no such task.
        InputError: If a number is out of range.
    """

    task: str
    """Such as "cheetah-speed"."""
    rounds: int = 30
    """Rounds, with a checkpoint and an evaluation after each."""
    round_steps: int = 100_000
    """Environment steps of a round, all environments together."""
    envs: int = 10
    """Environments in lockstep; a round is whole episodes of each."""
    updates_per_step: float = 0.5
    """Optimiser steps per environment step."""
    learning_starts: int = 10_000
    """Steps of random actions at the beginning."""
    batch: int = 256
    """Transitions of an optimiser step."""
    hidden: tuple[int, ...] = (256, 256)
    """Widths of actor and critics."""
    learning_rate: float = 3e-4
    """Of all three optimisers."""
    discount: float = 0.99
    """Of a step."""
    target_rate: float = 0.005
    """Share by which the target critics follow."""
    buffer: int = 1_000_000
    """Transitions remembered."""
    relabelled: float = 0.5
    """Share of a batch given other target speeds, and the rewards that these bring."""
    evaluated: int = 10
    """Specifications, evenly spaced over the grid, with an episode each after a round."""
    episode_steps: int = 1000
    """Of the environment."""
    seed: int = 0
    """Of every random number."""

    def __post_init__(self) -> None:
        """Check names and numbers."""
        require_known("task", self.task, GRIDS)
        counts = ("rounds", "round_steps", "envs", "batch", "buffer", "evaluated", "episode_steps")
        for name in counts:
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1; got {getattr(self, name)}.")
        if self.updates_per_step * self.envs < 1:
            raise InputError(
                f"updates_per_step {self.updates_per_step} with {self.envs} environments makes "
                "less than one update a step of all of them; raise either."
            )
        if not 0.0 <= self.relabelled <= 1.0:
            raise InputError(f"relabelled is a share, 0 to 1; got {self.relabelled}.")
        if self.round_steps % self.envs:
            raise InputError(
                f"round_steps must be a multiple of envs; got {self.round_steps} and {self.envs}."
            )


SAC_PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "reduced": {"rounds": 10},
    "small": {"rounds": 8, "round_steps": 50_000, "updates_per_step": 0.4, "hidden": (128, 128)},
    "quick": {"rounds": 2, "round_steps": 10_000, "learning_starts": 1000},
}
"""What presets change: 3 M steps, 1 M, 400,000 in about 35 core-minutes, and a trial."""


def sac_preset(name: str, task: str, seed: int, rounds: int | None = None) -> SACConfig:
    """The configuration of a preset.

    Args:
        name: In `SAC_PRESETS`.
        task: Such as "cheetah-speed".
        seed: Of every random number.
        rounds: Other than the preset's.

    Raises:
        UnknownNameError: If there is no such preset or task.
    """
    require_known("preset", name, SAC_PRESETS)
    changes = {} if rounds is None else {"rounds": rounds}
    return SACConfig(task=task, seed=seed, **{**SAC_PRESETS[name], **changes})
