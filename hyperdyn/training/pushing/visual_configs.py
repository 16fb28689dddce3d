"""Everything that defines a training run of the visual encoder, as one frozen value."""

from dataclasses import dataclass, field

from hyperdyn.errors import InputError
from hyperdyn.perception import VisualConfig


@dataclass(frozen=True, kw_only=True)
class VisualTrainConfig:
    """A run on L_det + L_vp (paper, A.1), batches of pushed objects and of scenes in turn.

    Raises:
        InputError: If a number is out of its range.
    """

    encoder: VisualConfig = field(default_factory=VisualConfig)
    """Sizes."""
    seed: int = 0
    frames: int = 60_000
    """Pictures trained on, repetitions included."""
    batch: int = 8
    """Pictures a batch, all of one kind."""
    learning_rate: float = 2e-3
    """Of Adam at the start; it falls to zero along half a cosine."""
    clip: float = 5.0
    """Largest norm of a gradient."""
    scenes_detect: bool = True
    """Whether scenes train detection too, besides shapes: only they show several objects at once,
    obstacles for example. False is the paper's main text; its appendix allows either."""
    colour: float = 0.2
    """Colour jitter: largest change of the gain of red, green and blue, each by itself."""
    depth_noise: float = 0.001
    """Standard deviation of what is added to each measured pixel's depth, metres."""
    held_out: int = 2
    """Last shards of either collection, kept for validation."""
    report_every: int = 50
    """Batches between two lines of metrics."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("batch", "report_every", "held_out"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1; got {getattr(self, name)}.")
        if self.frames < self.batch:
            raise InputError(
                f"{self.frames} frames do not fill one batch of {self.batch}; train on more."
            )
        if self.learning_rate <= 0 or self.clip <= 0:
            raise InputError(
                f"learning_rate and clip must be positive; got {self.learning_rate} and "
                f"{self.clip}."
            )
        if not 0 <= self.colour < 1 or self.depth_noise < 0:
            raise InputError(
                f"colour must be from 0 to 1 and depth_noise not negative; got {self.colour} and "
                f"{self.depth_noise}."
            )

    @property
    def updates(self) -> int:
        """Optimiser steps of the run."""
        return self.frames // self.batch
