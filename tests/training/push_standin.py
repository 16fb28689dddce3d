"""A stand-in for a trained pushing model: a disc in front of a rod, seen by plain geometry."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from hyperdyn.perception import NoObjectError, Views, depth_to_points
from hyperdyn.pushing import Interactions, Truth
from hyperdyn.training.pushing.pusher import LOST, Survey, standing

ROD = 0.008
EXTENT, SIDE = 0.18, 32
CELL = 0.005


@dataclass(frozen=True)
class Disc:
    """A disc that is pushed ahead of a rod moving 6 cm times the action, and slides on a little."""

    radius: float = 0.05
    slides: float = 0.3

    num_systems, state_dim, action_dim = 1, 16, 3

    def rollout(self, states: Tensor, actions: Tensor) -> Tensor:
        _, N, H, _ = actions.shape
        now = states[:, None].expand(-1, N, -1)
        trajectory = [now]
        for step in range(H):
            now = self._next(now, 0.06 * actions[:, :, step, :2])
            trajectory.append(now)
        return torch.stack(trajectory, dim=2)

    def _next(self, state: Tensor, push: Tensor) -> Tensor:
        start, end, thing = state[..., 13:15], state[..., 13:15] + push, state[..., :2]
        length = push.norm(dim=-1, keepdim=True).clamp(min=1e-9)
        ahead = push / length
        along = ((thing - start) * ahead).sum(-1, keepdim=True)
        off = thing - start - along * ahead
        reach = (self.radius + ROD) ** 2 - off.square().sum(-1, keepdim=True)
        met = along - reach.clamp(min=0).sqrt()  # how far the rod goes before it touches
        hit = (reach > 0) & (along > 0) & (met < length)
        moved = torch.where(hit, (1 + self.slides) * (length - met.clamp(min=0)) * ahead, 0.0)
        return torch.cat([thing + moved, state[..., 2:13], end, state[..., 15:]], dim=-1)


class Standin:
    """Finds what rises above the table in the depth image; takes every object for a disc."""

    def __init__(self, blind: bool = False) -> None:
        self.blind = blind

    def survey(self, views: Views, state: Tensor) -> Survey:
        boxes = torch.zeros(0, 6) if self.blind else found(views)
        away = (boxes[:, :2] - state[0, :2]).norm(dim=-1)
        if len(boxes) == 0 or float(away.min()) > LOST:
            raise NoObjectError("The stand-in sees nothing there.")
        order = away.argsort()
        boxes = boxes[order]
        x = (torch.arange(SIDE) + 0.5) * EXTENT / SIDE - EXTENT / 2
        views_above = [
            ((x / box[3]) ** 2 + (x[:, None] / box[4]) ** 2 < 0.25).float() for box in boxes
        ]
        return Survey(
            seen=None,
            own=boxes[0],
            others=boxes[1:],
            from_above=torch.stack(views_above),
            extent=EXTENT,
            standing=standing(views, state),
        )

    def generate(self, interactions: Interactions, survey: Survey, truth: Truth) -> Disc:
        assert interactions.actions.shape == (1, 5, 3)
        return Disc(radius=float(survey.own[3:5].mean()) / 2)


def found(views: Views) -> Tensor:
    """Boxes of what is 1 to 15 cm high and wider than the rod."""
    points = depth_to_points(views.depth, views.intrinsics, views.poses).reshape(-1, 3).numpy()
    points = points[(points[:, 2] > 0.01) & (points[:, 2] < 0.12)]  # not the arm, most of it
    points = points[(np.abs(points[:, :2]) < 0.35).all(1)]
    cells = np.floor((points[:, :2] + 0.35) / CELL).astype(int)
    side = math.ceil(0.7 / CELL)
    height = np.zeros((side, side))
    np.maximum.at(height, (cells[:, 0], cells[:, 1]), points[:, 2])
    labels, _ = ndimage.label(ndimage.binary_closing(height > 0, iterations=3))
    boxes = []
    for place in ndimage.find_objects(labels):
        low, high = (np.array([getattr(p, end) for p in place]) for end in ("start", "stop"))
        if min(high - low) * CELL < 0.03:
            continue
        (x, y), (wide, deep) = CELL * (low + high) / 2 - 0.35, CELL * (high - low)
        top = height[place].max()
        boxes.append([x, y, top / 2, wide, deep, top])
    return torch.tensor(boxes).reshape(-1, 6).float()
