"""Everything that defines a training run, as one frozen value."""

from dataclasses import dataclass

from hyperdyn.errors import InputError, require_known
from hyperdyn.generators import GENERATORS
from hyperdyn.model import CodedGenerator, ModelConfig
from hyperdyn.planners.budget import RANDOM, planner_of


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A run of the on-policy loop; where the paper states a setting (section 4.2), the default."""

    env_id: str
    """Environment to collect from, always in its training ("seen") split."""
    kind: str
    """Model, a name in `hyperdyn.generators.GENERATORS`."""
    model: ModelConfig
    seed: int = 0

    iterations: int = 150
    """Rounds of collecting and fitting; the first collects with random actions."""
    rollouts: int = 10
    """Episodes a round."""
    groups: int = 1
    """Groups that a round's episodes are divided into, evenly and in order. Those of a group run in
    lockstep, with one batched plan a step; groups may be collected side by side. Each has random
    numbers of its own, so the data depend on how many there are."""
    steps: int = 500
    """Steps an episode."""
    max_steps: int = 50_000
    """Data used in a round; more than this is drawn anew each round, by whole episodes."""

    planner: str = RANDOM
    """What drives, one of `hyperdyn.planners.budget.ALL_PLANNERS`; random shooting is the paper's.
    What a planner finds to be wrong with the model is in the data that it drives."""
    samples: int = 500
    """Candidate sequences a plan, of all rounds of the planner together."""
    horizon: int = 20
    """Steps planned ahead."""
    hold: int = 1
    """Steps that random shooting holds each sampled action for; 1 is the paper's independent
    actions."""

    epochs: int = 100
    """Passes over the data a round."""
    updates: int | None = None
    """Optimiser steps after which no further pass of a round begins; None for no such limit."""
    contexts: int = 16
    """Histories a training batch."""
    targets: int = 8
    """Transitions predicted from each; contexts × targets is the paper's batch of 128."""
    unroll: int = 1
    """Steps predicted open loop in the loss; divides targets; 1 is the paper's."""
    hidden_share: float = 0.0
    """Probability with which each watched step is hidden from the encoder in training."""
    learning_rate: float = 1e-3
    gradient_norm: float = 10.0
    """Larger gradients are shortened to this norm (Pascanu et al., 2013): one in ten is larger.
    Without it, a rare batch in which errors grow over the unrolled steps ends the training."""
    decay_iterations: int = 0
    """Last rounds in which the learning rate falls on a line to a tenth; the rounds before them do
    not depend on how many there are."""
    final_updates: int = 0
    """Optimiser steps on all data after the last round, the learning rate falling to zero."""
    final_targets: int = 20
    """As `targets`, in that last fit."""
    final_unroll: int = 10
    """As `unroll`, in that last fit."""
    validation_share: float = 0.1
    """Share of the episodes kept out of fitting."""
    validation_decay: float = 0.99
    """A round's passes end when the validation loss exceeds its moving average with this decay."""
    stop_window: int | None = 25
    """Training ends when the mean return of this many rounds falls below the mean of as many before
    them; None never stops early."""

    def __post_init__(self) -> None:
        """Check names and sizes."""
        require_known("model kind", self.kind, GENERATORS)
        whole = (self.iterations, self.rollouts, self.samples, self.horizon, self.epochs)
        if min(*whole, self.contexts, self.targets, self.unroll, self.hold, self.updates or 1) < 1:
            raise InputError(f"Counts in a TrainConfig must be positive; got {self}.")
        if not 1 <= self.groups <= self.rollouts:
            raise InputError(
                f"{self.rollouts} episodes a round cannot be {self.groups} groups; give 1 to "
                f"{self.rollouts}."
            )
        planner_of(self.planner, self.samples, self.horizon)
        if self.hold > 1 and self.planner != RANDOM:
            raise InputError(
                f"Only {RANDOM} holds actions; got planner {self.planner} and hold {self.hold}."
            )
        for name in ("learning_rate", "gradient_norm"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InputError(f"{name} must be positive and finite; got {getattr(self, name)}.")
        if not isinstance(self.model, GENERATORS[self.kind].config_type):
            raise InputError(
                f"A {self.kind!r} is made from a {GENERATORS[self.kind].config_type.__name__}; got "
                f"a {type(self.model).__name__}."
            )
        if not 0 <= self.hidden_share < 1:
            raise InputError(f"hidden_share is a probability below 1; got {self.hidden_share}.")
        if self.hidden_share and not issubclass(GENERATORS[self.kind], CodedGenerator):
            raise InputError(
                f"A {self.kind!r} has no encoder to hide steps from; leave hidden_share at 0."
            )
        windows = [(self.targets, self.unroll)]
        if self.final_updates:
            windows.append((self.final_targets, self.final_unroll))
        for targets, unroll in windows:
            if targets % unroll:
                raise InputError(
                    f"{unroll} unrolled steps do not divide {targets} targets; choose a divisor."
                )
            if self.steps < self.model.history_length + targets:
                raise InputError(
                    f"Episodes of {self.steps} steps hold no window of "
                    f"{self.model.history_length} + {targets} steps; lengthen them."
                )
        if not 0 < self.validation_share < 1 or self.rollouts * self.iterations < 2:
            raise InputError(
                f"validation_share is {self.validation_share} of {self.rollouts * self.iterations} "
                "episodes; it must leave at least one episode on either side."
            )
