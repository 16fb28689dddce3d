"""Everything that defines the training of a pushing model, and the models of the study."""

from dataclasses import dataclass, field, replace

from hyperdyn.errors import InputError, require_known
from hyperdyn.pushing import PushingConfig


@dataclass(frozen=True, kw_only=True)
class PushTrainConfig:
    """A run: shape codes and predictor jointly, then the predictor alone on codes that stay.

    The paper trains 500,000 steps of 8 (appendix A.1), four million samples; so many are drawn here
    in larger batches.

    Raises:
        InputError: If a count cannot be.
    """

    model: PushingConfig = field(default_factory=PushingConfig)
    seed: int = 0
    shape_dim: int = 8
    """Width of z_vis."""
    fresh_shapes: bool = False
    """Whether the shape encoder begins with new weights, not with those of the study's encoder; as
    every ablation does that changes it (Table 4), so that they compare with one another."""
    view_loss: bool = True
    """Whether shape codes are also trained to decode into the view from above; else by the
    prediction alone."""
    joint_steps: int = 2400
    """Optimiser steps in which the shape encoder is trained too, for models that look."""
    joint_systems: int = 64
    """Episodes a batch of those."""
    joint_rate: float = 1e-3
    """Their learning rate, which falls to zero."""
    steps: int = 3200
    """Optimiser steps of the predictor alone."""
    systems: int = 256
    """Episodes a batch of those; each holds up to five pushes."""
    learning_rate: float = 4e-3
    """At first; it falls to zero."""

    def __post_init__(self) -> None:
        """Check counts."""
        counts = (self.shape_dim, self.joint_systems, self.steps, self.systems)
        if min(counts) < 1 or self.joint_steps < 0:
            raise InputError(f"Counts in a PushTrainConfig must be positive; got {self}.")


_MODEL = PushingConfig()
_RUN = PushTrainConfig()
_SHORT = replace(_RUN, joint_steps=800)
_FRESH = replace(_SHORT, fresh_shapes=True)

PUSHERS: dict[str, PushTrainConfig] = {
    "hyperdynamics": _RUN,
    "direct": replace(_RUN, model=replace(_MODEL, kind="direct")),
    "film": replace(_RUN, model=replace(_MODEL, kind="film")),
    "maml": replace(_RUN, model=replace(_MODEL, kind="maml")),
    "xyz": replace(_RUN, model=replace(_MODEL, kind="xyz")),
    "expert_ensemble": replace(_RUN, model=replace(_MODEL, kind="expert_ensemble")),
    "joint-800": _SHORT,
    "batch-8": replace(_SHORT, systems=8, steps=102_400, learning_rate=1e-3),
    "shape-8": _FRESH,
    "no-decoder": replace(_FRESH, view_loss=False),
    "no-cropping": replace(_FRESH, model=replace(_MODEL, cropping=False)),
    "shape-16": replace(_FRESH, shape_dim=16),
    "shape-32": replace(_FRESH, shape_dim=32),
    "interaction-4": replace(_SHORT, model=replace(_MODEL, code_dim=4)),
    "interaction-8": replace(_SHORT, model=replace(_MODEL, code_dim=8)),
}
"""The models of Tables 1 and 2; then the generated one with shape codes trained a third as long by
prediction; and, trained as shortly, the paper's batch and learning rate for as many pushes, and the
ablations of Table 4."""


def pusher_preset(name: str) -> PushTrainConfig:
    """The run of that name.

    Raises:
        UnknownNameError: If there is none; lists the valid names.
    """
    require_known("pushing model", name, PUSHERS)
    return PUSHERS[name]
