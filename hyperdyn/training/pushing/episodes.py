"""Recorded pushing episodes and pictures: raw numbers, in memory."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Bool, Float, Int, UInt8, UInt16
from torch import Tensor

from hyperdyn.errors import InputError

COMPLETE, LEFT_TABLE, DIVERGED = 0, 1, 2
ENDINGS = ("complete", "left_table", "diverged")
TENTHS = 1e-4
"""Metres to a unit of stored depth."""
TOP_DOWN_EXTENT = 0.18
"""Side of the square that a top-down label shows, m."""
TOP_DOWN_PIXELS = 64


Rows = TypeVar("Rows", bound="_Rows")


class _Rows:
    """Selecting rows of a dataclass of tensors."""

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by its name."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {field.name: getattr(self, field.name) for field in fields}

    def __len__(self) -> int:
        """B."""
        return len(next(iter(self.tensors().values())))

    def __getitem__(self: Rows, rows: Tensor | Sequence[int]) -> Rows:
        """Select rows by number or by mask."""
        return type(self)(**{name: value[rows] for name, value in self.tensors().items()})


@dataclass(frozen=True, kw_only=True)
class PushingEpisodes(_Rows):
    """B episodes of T pushes, never normalised.

    A cut episode has a smaller length: the push that ended it is not part of it, and what its rows
    hold beyond means nothing.
    """

    actions: Float[Tensor, "B T 3"]
    """As the environments take them: in units of 6 cm."""
    states: Float[Tensor, "B T+1 16"]
    """As the environments observe them."""
    lengths: Int[Tensor, " B"]
    """Whole pushes."""
    endings: UInt8[Tensor, " B"]
    """`COMPLETE`, `LEFT_TABLE` or `DIVERGED`."""
    objects: Int[Tensor, " B"]
    """Which object: an index into the collection's `object_ids`; −1 for none of them."""
    masses: Float[Tensor, " B"]
    frictions: Float[Tensor, " B"]

    @property
    def complete(self) -> Bool[Tensor, " B"]:
        """Which episodes were not cut."""
        return self.endings == COMPLETE


@dataclass(frozen=True, kw_only=True)
class PushingImages(_Rows):
    """One picture an episode, of its beginning, and what it should be read as."""

    rgb: UInt8[Tensor, "B h w 3"]
    depth_tenths: UInt16[Tensor, "B h w"]
    """Distance along the camera's forward axis in tenths of a millimetre (uint16); 0: nothing."""
    intrinsics: Float[Tensor, "B 3 3"]
    poses: Float[Tensor, "B 4 4"]
    """Camera to world; x right, y down, z forward."""
    views: Int[Tensor, " B"]
    """Which of the nine cameras; −1 for any other."""
    present: UInt8[Tensor, "B O"]
    """1 for places that hold an object; the pushed one comes first."""
    boxes: Float[Tensor, "B O 6"]
    """Axis-aligned boxes in the world: lowest corner, then highest, m; 0 without an object."""
    top_down: UInt8[Tensor, "B O rows columns"]
    """1 where the object, turned as it lies, covers the pixel; 18 cm about its centre of mass."""

    @property
    def depth(self) -> Float[Tensor, "B h w"]:
        """Distance along the camera's forward axis, m; 0 where nothing is."""
        return self.depth_tenths.to(torch.float32) * TENTHS


def join(parts: Sequence[Rows]) -> Rows:
    """Put recordings one after the other.

    Raises:
        InputError: If there are none.
    """
    if not parts:
        raise InputError("There is nothing to join; collect at least one shard.")
    columns = [part.tensors() for part in parts]
    return type(parts[0])(
        **{name: torch.cat([column[name] for column in columns]) for name in columns[0]}
    )
