"""What came of fine-tuning: the actors, and how well they did along the way."""

from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from hyperdyn.storage import from_config, read_folder, to_config, write_folder

KIND = "tuned-actors"
FOLDER = "tuned"


@dataclass(frozen=True, kw_only=True)
class TunedMeta:
    """Whose curves they are."""

    family: str
    """Such as "cheetah-vel"."""
    tasks: tuple[int, ...]
    """Index of the published task of each row."""
    model: str
    """Checksum of the generator that the actors were from; empty: from scratch."""
    steps: tuple[int, ...]
    """Environment steps of a row at each evaluation, from 0 on."""
    episodes: int
    """Of each row in an evaluation."""


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """A finished run."""

    meta: TunedMeta
    """Whose curves they are."""
    actors: Float[Tensor, "R P"]
    """As they ended."""
    returns: Float[Tensor, "K R"]
    """Mean returns of each evaluation, without noise."""

    def write(self, out: Path) -> None:
        """Write to a run's folder.

        Raises:
            CheckpointError: If it cannot be written.
        """
        tensors = {"actors": self.actors, "returns": self.returns}
        write_folder(tuned_folder(out), KIND, to_config(self.meta), tensors)

    @classmethod
    def read(cls, out: Path) -> "Tuned":
        """Read what came of a run.

        Raises:
            CheckpointError: If it is not finished, or damaged.
        """
        config, tensors = read_folder(tuned_folder(out), KIND)
        return cls(meta=from_config(TunedMeta, config), **tensors)


def tuned_folder(out: Path) -> Path:
    """Where they stand in a run's folder."""
    return out / FOLDER
