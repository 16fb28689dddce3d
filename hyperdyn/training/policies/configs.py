"""Everything that defines the training of a policy generator."""

from dataclasses import dataclass
from typing import Any

from hyperdyn.errors import InputError, require_known
from hyperdyn.policies import POLICIES, PolicyConfig
from hyperdyn.training.demonstrations.dataset import Demonstrations
from hyperdyn.training.policies.transitions import digest

RATES = {"hypogen_raw": 5e-4, "hypogen_latent": 5e-4, "hyperzero": 5e-4}
"""Learning rates of kinds that have another than `DEFAULT_RATE`."""
DEFAULT_RATE = 1e-3


@dataclass(frozen=True, kw_only=True)
class PolicyBudget:
    """What a run may cost: as many steps and samples for every method."""

    steps: int
    """Optimiser steps."""
    targets: int
    """Transitions of each of a batch's specifications."""
    sizes: dict[str, Any]
    """Sizes that differ from the paper's, of the methods that have them."""


POLICY_BUDGETS = {
    "reduced": PolicyBudget(
        steps=6000,
        targets=256,
        sizes={
            "hidden": (128,),
            "embedding_dim": 64,
            "code_dim": 32,
            "codec_hidden": 64,
            "block_hidden": 32,
            "thought_width": 16,
        },
    ),
    "paper": PolicyBudget(steps=274_000, targets=64, sizes={}),
}
"""Reduced: one to five minutes of a core a run. Paper: the released code's 274,000 steps of 512
samples, half a day of a core for HyPoGen."""


@dataclass(frozen=True, kw_only=True)
class PolicyTrainConfig:
    """A run: as many optimiser steps and samples for every method.

    The weights kept are the last ones. Nothing chooses among weights, so that no task's returns
    can, as the test tasks' do in the code released with HyPoGen. Settings are to be chosen on
    training specifications that are held out (`held_out`).

    Raises:
        UnknownNameError: If there is no such kind.
        InputError: If a number cannot be, or the sizes are of another class.
    """

    kind: str
    """Method, a name in `hyperdyn.policies.POLICIES`."""
    model: PolicyConfig
    """Its sizes."""
    task: str
    """What was demonstrated, such as "cheetah-speed"."""
    demonstrations: str
    """Digest of them, so that a run goes on with those it began with."""
    split: int = 0
    """Which of the task's divisions into specifications for training and for testing."""
    seed: int = 0
    """Of every random number."""
    budget: str
    """A name in `POLICY_BUDGETS`; steps and targets are its own, unless said otherwise."""
    steps: int
    """Optimiser steps."""
    tasks: int = 8
    """Specifications a batch, at most; each has one generated policy."""
    targets: int
    """Transitions of each."""
    learning_rate: float = DEFAULT_RATE
    """At first; it falls on a line to zero."""
    held_out: int = 0
    """Training specifications that are not trained on but validated with, evenly spaced."""

    def __post_init__(self) -> None:
        """Check names and numbers."""
        require_known("policy generator", self.kind, POLICIES)
        require_known("budget", self.budget, POLICY_BUDGETS)
        if not isinstance(self.model, POLICIES[self.kind].config_type):
            raise InputError(
                f"A {self.kind!r} is made from a {POLICIES[self.kind].config_type.__name__}; got a "
                f"{type(self.model).__name__}."
            )
        if min(self.steps, self.tasks) < 1 or self.targets < 2 or self.held_out < 0:
            raise InputError(
                f"Counts of a run must be positive, and targets at least 2; got {self}."
            )
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(f"learning_rate must be positive; got {self.learning_rate}.")


def policy_run(
    kind: str,
    source: Demonstrations,
    *,
    budget: str = "reduced",
    sizes: dict[str, Any] | None = None,
    **settings: Any,
) -> PolicyTrainConfig:
    """The run of a method on demonstrations.

    Args:
        kind: Method.
        source: What it learns from; gives the widths of specifications, observations and actions.
        budget: In `POLICY_BUDGETS`.
        sizes: Fields of its configuration that differ from the budget's.
        settings: Fields of the run that differ from the budget's.

    Raises:
        UnknownNameError: If there is no such method or budget.
        InputError: If a number cannot be, or the method has no such size.
    """
    require_known("policy generator", kind, POLICIES)
    require_known("budget", budget, POLICY_BUDGETS)
    given, config_type, sizes = POLICY_BUDGETS[budget], POLICIES[kind].config_type, sizes or {}
    unknown = sorted(set(sizes) - set(config_type.__dataclass_fields__))
    if unknown:
        raise InputError(f"A {kind!r} has no size named {', '.join(unknown)}; leave it out.")
    model = config_type(
        condition_dim=source.specifications.shape[1],
        observation_dim=source.observations.shape[3],
        action_dim=source.actions.shape[3],
        **{**budget_sizes(kind, budget), **sizes},
    )
    defaults = {
        "steps": given.steps,
        "targets": given.targets,
        "learning_rate": RATES.get(kind, DEFAULT_RATE),
    }
    return PolicyTrainConfig(
        kind=kind,
        model=model,
        task=source.meta.task,
        demonstrations=digest(source),
        budget=budget,
        **{**defaults, **settings},
    )


def budget_sizes(kind: str, budget: str) -> dict[str, Any]:
    """The sizes of a budget that a method has."""
    known = POLICIES[kind].config_type.__dataclass_fields__
    return {name: size for name, size in POLICY_BUDGETS[budget].sizes.items() if name in known}
