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
    budget: str
    """A name in `GOAL_BUDGETS`."""
    steps: int
    """Optimiser steps."""
    contexts: int
    """Pairs of hindsight a batch, each with weights of its own."""
    moments: int
    """Moments of each: with one, weights serve the moment that they are written at; with more, all
    of the way to the goal, as weights do that are written once a rollout."""
    episodes: int
    """That the pairs of a batch are drawn from; what several of them show is encoded once."""
    mirrored: bool = True
    """Whether every demonstration is learned from in its mirror image, too: table, robot and camera
    are symmetric, and there are few demonstrations (not in the paper)."""
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
        counts = (self.steps, self.contexts, self.moments, self.episodes)
        require_known("budget", self.budget, GOAL_BUDGETS)
        if min(counts) < 1 or self.seed < 0:
            raise InputError(f"Counts of a run must be positive; got {self}.")
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(f"learning_rate must be positive; got {self.learning_rate}.")


@dataclass(frozen=True, kw_only=True)
class GoalBudget:
    """What a run may cost: the same for every preset."""

    steps: int
    """Optimiser steps."""
    samples: int
    """Moments a batch."""
    pictured: int
    """Episodes that a batch is drawn from where scenes are pictures, the dearest part; with few of
    them GoalNet hardly learns, since what they show is alike."""
    sizes: dict[str, Any]
    """Fields of `GoalNetConfig` that differ from the default."""


GOAL_BUDGETS: dict[str, GoalBudget] = {
    "reduced": GoalBudget(steps=2000, samples=128, pictured=32, sizes={}),
    "large": GoalBudget(
        steps=40_000,
        samples=256,
        pictured=64,
        sizes={
            "latent_dim": 64,
            "encoder_hidden": 128,
            "proprioception_latent": 16,
            "hidden": (64, 64),
            "forward_hidden": 128,
            "embedding_dim": 128,
            "code_dim": 32,
            "codec_hidden": 128,
            "block_hidden": 64,
            "thought_width": 32,
        },
    ),
}
"""Reduced: minutes of one core. Large: the paper's 256 moments a batch and HyPoGen's released
widths (Hyper-GoalNet's are not public), for a GPU or days of a core."""

_NO_PREDICTION = {"prediction_weight": 0.0}
_NO_DISTANCE = {"distance_weight": 0.0}
_ALL_THE_WAY = 4

GOAL_PRESETS: dict[str, tuple[str, dict[str, Any], int]] = {
    "goalnet": ("goalnet", {}, 1),
    "goalnet-no-prediction": ("goalnet", _NO_PREDICTION, 1),
    "goalnet-no-distance": ("goalnet", _NO_DISTANCE, 1),
    "goalnet-cloning": ("goalnet", _NO_PREDICTION | _NO_DISTANCE, 1),
    "goalnet-stopped": ("goalnet", {"prediction_stop": True, "distance_stop": True}, 1),
    "goalnet-margin": ("goalnet", {"margin": 0.1}, 1),
    "goalnet-once": ("goalnet", {}, _ALL_THE_WAY),
    "goalnet-goal-only": ("goalnet", {"sees_current": False}, _ALL_THE_WAY),
    "gcbc": ("gcbc", _NO_PREDICTION | _NO_DISTANCE, 1),
    "gcbc-shaped": ("gcbc", {}, 1),
}
"""Kind, sizes that differ from the budget's, and moments of each pair. Beside the main variant:
each loss left out, and both; gradients stopped in both; a margin; trained for weights that are
written once a rollout, from the goal and the first scene or from the goal alone (variant G); the
control, as it is and with Hyper-GoalNet's further losses. Equal moments a batch for all."""


def goal_run(
    name: str,
    episodes: GoalEpisodes,
    *,
    budget: str = "reduced",
    sizes: dict[str, Any] | None = None,
    **settings: Any,
) -> GoalTrainConfig:
    """The run of a preset on demonstrations.

    Args:
        name: In `GOAL_PRESETS`.
        episodes: What it learns from; give the widths.
        budget: In `GOAL_BUDGETS`.
        sizes: Fields of `GoalNetConfig` that differ from the budget's; a GCBC takes those it has,
            and hidden widths that match the hypernetwork's number of parameters.
        settings: Fields of the run that differ from the budget's.

    Raises:
        UnknownNameError: If there is no such preset or budget.
        InputError: If a number cannot be.
    """
    require_known("preset", name, GOAL_PRESETS)
    require_known("budget", budget, GOAL_BUDGETS)
    kind, changes, moments = GOAL_PRESETS[name]
    given = GOAL_BUDGETS[budget]
    scene = tuple(episodes.scenes.shape[2:])
    config = GoalNetConfig(
        scene=scene,
        proprioception_dim=episodes.proprioception.shape[2],
        action_dim=episodes.actions.shape[2],
        **{**given.sizes, **changes, **(sizes or {})},
    )
    model: GoalConfig = config
    if kind == "gcbc":
        writer = GoalNet(config, generator=torch.Generator()).hypernetwork
        model = matched_gcbc(config, sum(weight.numel() for weight in writer.parameters()))
    defaults = {
        "steps": given.steps,
        "contexts": given.samples // moments,
        "moments": moments,
        "episodes": given.samples if len(scene) == 1 else given.pictured,
    }
    return GoalTrainConfig(
        kind=kind,
        model=model,
        demonstrations=episodes.digest,
        budget=budget,
        **{**defaults, **settings},
    )
