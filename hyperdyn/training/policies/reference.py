"""What policies are scored against: an expert's returns, and some of what it did."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import CheckpointError
from hyperdyn.policies import Demonstrated
from hyperdyn.storage import read_folder, write_folder
from hyperdyn.training.demonstrations.dataset import (
    DESCRIPTION_FILE,
    DemonstrationMeta,
    Demonstrations,
    split_rows,
)
from hyperdyn.training.policies.transitions import digest, transitions

KIND = "demonstration-reference"
REFERRED = 200
"""Transitions of each specification, evenly spaced: actions are compared on these, and few-shot
methods are shown these."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A hundredth of the demonstrations, and all that scoring needs of them."""

    specifications: Float[Tensor, "C D"]
    """As `Demonstrations.specifications`."""
    names: tuple[str, ...]
    """As `Demonstrations.names`."""
    ids: tuple[int, ...]
    """As `Demonstrations.ids`."""
    meta: DemonstrationMeta
    """Task and expert."""
    digest: str
    """Of the whole demonstrations."""
    rewards: Float[Tensor, "C R T"]
    """Of the expert's episodes."""
    shown: Demonstrated
    """Transitions, [C, M] of them."""

    @property
    def returns(self) -> Float[Tensor, "C R"]:
        """Undiscounted return of each of the expert's episodes."""
        return self.rewards.double().sum(2)

    def split(self, number: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Rows (along C) for training and for testing; see `Demonstrations.split`."""
        return split_rows(self.meta.task, self.ids, number)

    def of(self, rows: Sequence[int]) -> Demonstrated:
        """The transitions of some specifications, [E, M]."""
        chosen = list(rows)
        return Demonstrated(**{name: value[chosen] for name, value in vars(self.shown).items()})

    def save(self, folder: str | Path) -> None:
        """Write it, to be read without the demonstrations.

        Raises:
            CheckpointError: If it cannot be written.
        """
        config = {
            "names": list(self.names),
            "ids": list(self.ids),
            "meta": asdict(self.meta),
            "digest": self.digest,
        }
        tensors = {"specifications": self.specifications, "rewards": self.rewards}
        write_folder(Path(folder), KIND, config, tensors | vars(self.shown))


def reference_of(source: Demonstrations, rows: Sequence[int] | None = None) -> Reference:
    """The reference that demonstrations make.

    Args:
        source: The demonstrations.
        rows: Of which specifications; nothing else is looked at. None: all.

    Raises:
        InputError: If numbers are not finite, or actions outside [-1, 1].
    """
    chosen = list(range(len(source.ids)) if rows is None else rows)
    every = transitions(source, chosen)
    places = torch.linspace(0, len(every) - 1, min(REFERRED, len(every))).long()
    return Reference(
        specifications=source.specifications[chosen],
        names=source.names,
        ids=tuple(source.ids[row] for row in chosen),
        meta=source.meta,
        digest=digest(source),
        rewards=source.rewards[chosen],
        shown=every.take(places),
    )


def read_reference(folder: str | Path) -> Reference:
    """Read what `Reference.save` wrote, or make it from a folder of demonstrations.

    Raises:
        CheckpointError: If the folder holds neither, or something in it is damaged.
        InputError: If the demonstrations cannot be used.
    """
    folder = Path(folder)
    if (folder / DESCRIPTION_FILE).exists() or not (folder / "config.json").exists():
        return reference_of(Demonstrations.read(folder))
    config, tensors = read_folder(folder, KIND)
    try:
        return Reference(
            names=tuple(config["names"]),
            ids=tuple(config["ids"]),
            meta=DemonstrationMeta(**config["meta"]),
            digest=config["digest"],
            specifications=tensors.pop("specifications"),
            rewards=tensors.pop("rewards"),
            shown=Demonstrated(**tensors),
        )
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder} is no reference of demonstrations ({type(error).__name__}: {error}); copy "
            "it again."
        ) from error
