"""Everything that defines the training of a policy for goals, and runs by name."""

from dataclasses import dataclass
from typing import Any

import torch

from hyperdyn.errors import InputError, require_known
from hyperdyn.policies import GOAL_POLICIES, GoalConfig, GoalNet, GoalNetConfig, matched_gcbc
from hyperdyn.training.goals.episodes import GoalEpisodes


@dataclass(frozen=True, kw_only=True)
class GoalTrainConfig:
    """A run: as many optimiser steps and moments for every method; the last weights are kept.

    Raises:
        UnknownNameError: If there is no such kind.
        InputError: If a number cannot be, or the sizes are of another class.
    """

    kind: str
    """Method, a name in `hyperdyn.policies.GOAL_POLICIES`."""
    model: GoalConfig
    """Its sizes, and the weights of its losses."""
    demonstrations: str
    """Digest of them."""
    seed: int = 0
    """Of every random number."""
    steps: int = 4000
    """Optimiser steps."""
    contexts: int = 128
    """Pairs of hindsight a batch, each with weights of its own."""
    moments: int = 1
    """Moments of each: with one, weights serve the moment that they are written at; with more, all
    of the way to the goal, as weights do that are written once a rollout."""
    learning_rate: float = 5e-4
    """At first, the paper's; it falls on a line to zero."""

    def __post_init__(self) -> None:
        """Check names and numbers."""
        require_known("policy for goals", self.kind, GOAL_POLICIES)
        if type(self.model) is not GOAL_POLICIES[self.kind].config_type:
            raise InputError(
                f"A {self.kind!r} is made from a {GOAL_POLICIES[self.kind].config_type.__name__}; "
                f"got a {type(self.model).__name__}."
            )
        if min(self.steps, self.contexts, self.moments) < 1 or self.seed < 0:
            raise InputError(f"Counts of a run must be positive; got {self}.")
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(f"learning_rate must be positive; got {self.learning_rate}.")


_NO_PREDICTION = {"prediction_weight": 0.0}
_NO_DISTANCE = {"distance_weight": 0.0}
_MANY = {"contexts": 32, "moments": 4}

GOAL_PRESETS: dict[str, tuple[str, dict[str, Any], dict[str, int]]] = {
    "goalnet": ("goalnet", {}, {}),
    "goalnet-no-prediction": ("goalnet", _NO_PREDICTION, {}),
    "goalnet-no-distance": ("goalnet", _NO_DISTANCE, {}),
    "goalnet-cloning": ("goalnet", _NO_PREDICTION | _NO_DISTANCE, {}),
    "goalnet-stopped": ("goalnet", {"prediction_stop": True, "distance_stop": True}, {}),
    "goalnet-margin": ("goalnet", {"margin": 0.1}, {}),
    "goalnet-once": ("goalnet", {}, _MANY),
    "goalnet-goal-only": ("goalnet", {"sees_current": False}, _MANY),
    "gcbc": ("gcbc", _NO_PREDICTION | _NO_DISTANCE, {}),
    "gcbc-shaped": ("gcbc", {}, {}),
}
"""Kind, sizes and settings that differ from the default. Beside the main variant: each loss left
out, and both; gradients stopped in both; a margin; trained for weights that are written once a
rollout, from the goal and the first scene or from the goal alone (variant G); the control, as it
is and with Hyper-GoalNet's further losses. Equal moments a batch for all."""


def goal_run(
    name: str,
    episodes: GoalEpisodes,
    *,
    sizes: dict[str, Any] | None = None,
    **settings: Any,
) -> GoalTrainConfig:
    """The run of a preset on demonstrations.

    Args:
        name: In `GOAL_PRESETS`.
        episodes: What it learns from; give the widths.
        sizes: Fields of `GoalNetConfig` that differ from the default; a GCBC takes those it has,
            and hidden widths that match the hypernetwork's number of parameters.
        settings: Fields of the run that differ from the preset's.

    Raises:
        UnknownNameError: If there is no such preset.
        InputError: If a number cannot be.
    """
    require_known("preset", name, GOAL_PRESETS)
    kind, changes, preset_settings = GOAL_PRESETS[name]
    config = GoalNetConfig(
        scene=tuple(episodes.scenes.shape[2:]),
        proprioception_dim=episodes.proprioception.shape[2],
        action_dim=episodes.actions.shape[2],
        **{**changes, **(sizes or {})},
    )
    model: GoalConfig = config
    if kind == "gcbc":
        writer = GoalNet(config, generator=torch.Generator()).hypernetwork
        model = matched_gcbc(config, sum(weight.numel() for weight in writer.parameters()))
    return GoalTrainConfig(
        kind=kind, model=model, demonstrations=episodes.digest, **{**preset_settings, **settings}
    )
