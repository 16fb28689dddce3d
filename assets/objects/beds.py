"""Beds: frames on legs or on the floor, boards, posts, mattresses and pillows."""

from dataclasses import dataclass

import numpy as np

from hyperdyn.assets.objects.solids import Piece, box

BOARD = 0.005  # m: thickness of head and foot boards


@dataclass(frozen=True, kw_only=True)
class Bed:
    """A bed along x, its head at +x, metres.

    Attributes:
        length: With its boards.
        width: Of the frame.
        legs: Height of the legs; 0 puts the frame on the floor.
        frame: Height of the frame.
        mattress: Height of the mattress.
        head: Height of the head board above the table; 0 leaves it out.
        foot: Height of the foot board; 0 leaves it out.
        pillows: How many, side by side.
        posts: Height of four posts above the table; 0 leaves them out.
        leg: Side of a leg's or post's square section.
        overhang: How far the mattress stays inside the frame.
    """

    length: float
    width: float
    legs: float
    frame: float
    mattress: float
    pillows: int
    head: float = 0.0
    foot: float = 0.0
    posts: float = 0.0
    leg: float = 0.008
    overhang: float = 0.002

    def pieces(self) -> list[Piece]:
        """Frame, mattress, pillows, boards, and what stands in the corners."""
        x, y = self.length / 2, self.width / 2
        top = self.legs + self.frame
        lying = top + self.mattress
        low, high = -x + BOARD * (self.foot > 0), x - BOARD * (self.head > 0)
        inside = y - self.overhang
        pieces = [
            box((-x, -y, self.legs), (x, y, top)),
            box((low, -inside, top), (high, inside, lying)),
        ]
        room = 2 * inside / self.pillows
        for number in range(self.pillows):
            middle = -inside + room * (number + 0.5)
            pieces.append(_pillow(high - 0.013, middle, lying, 0.010, 0.42 * room))
        if self.head > 0:
            pieces.append(box((x - BOARD, -y, self.legs), (x, y, self.head)))
        if self.foot > 0:
            pieces.append(box((-x, -y, self.legs), (-x + BOARD, y, self.foot)))
        standing = max(self.legs, self.posts)
        if standing > 0:
            ends = ((-x, -x + self.leg), (x - self.leg, x))
            sides = ((-y, -y + self.leg), (y - self.leg, y))
            pieces += [
                box((start, side[0], 0.0), (end, side[1], standing))
                for start, end in ends
                for side in sides
            ]
        return pieces


def _pillow(x: float, y: float, z: float, half_length: float, half_width: float) -> Piece:
    """A cushion, widest at half its height."""
    square = np.array([(1.0, 1.0), (1.0, -1.0), (-1.0, -1.0), (-1.0, 1.0)])
    layers = ((0.85, 0.0), (1.0, 0.004), (0.75, 0.008))
    return np.concatenate(
        [
            np.insert(share * square * [half_length, half_width] + [x, y], 2, z + height, axis=1)
            for share, height in layers
        ]
    )


BEDS: dict[str, Bed] = {
    "bed-1": Bed(
        length=0.120,
        width=0.090,
        legs=0.010,
        frame=0.010,
        mattress=0.014,
        pillows=2,
        head=0.054,
        foot=0.036,
    ),
    "bed-2": Bed(
        length=0.114, width=0.058, legs=0.014, frame=0.008, mattress=0.010, pillows=1, head=0.046
    ),
    "bed-3": Bed(
        length=0.104,
        width=0.096,
        legs=0.0,
        frame=0.016,
        mattress=0.012,
        pillows=2,
        head=0.042,
        overhang=0.008,
    ),
    "bed-4": Bed(
        length=0.108,
        width=0.074,
        legs=0.012,
        frame=0.009,
        mattress=0.015,
        pillows=1,
        head=0.050,
        posts=0.072,
        leg=0.006,
    ),
}
