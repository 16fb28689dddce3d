"""Pushes worth trying: as the data were collected, or going round the object and pushing it."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.envs.pushing.base import MAX_PUSH
from hyperdyn.errors import InputError
from hyperdyn.training.pushing.surroundings import OBJECT, ROD, Way

ROD_RADIUS = 0.008
"""Of the rod that pushes, m."""


@dataclass(frozen=True, kw_only=True)
class RandomPushes:
    """Pushes as the data were collected (HyperDynamics, appendix A.1).

    The paper does not say where later pushes of a sequence aim. Here each aims from where the rod
    was sent to where the object then is if it moves as a disc in front of the rod.
    """

    half_sizes: tuple[float, float]
    """Of the object's box in x and y, m."""
    at_object: float = 0.8
    """Probability of a push towards a point of the box; others go anywhere."""
    magnitudes: tuple[float, float] = (0.03, 0.06)
    """Shortest and longest push, m."""

    def propose(
        self,
        dynamics: Dynamics,
        state: Float[Tensor, "E S"],
        n: int,
        *,
        horizon: int,
        low: Float[Tensor, "A"],
        high: Float[Tensor, "A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "E n H A"]:
        """Propose `n` sequences of pushes for each system; see `Proposal.propose`."""
        drawn = torch.rand(len(state), n, horizon, 5, generator=generator, dtype=state.dtype)
        half = state.new_tensor(self.half_sizes)
        points = (2 * drawn[..., :2] - 1) * half
        anywhere = (2 * drawn[..., 2] - 1) * math.pi
        aimed = drawn[..., 3] < self.at_object
        shortest, longest = self.magnitudes
        lengths = shortest + (longest - shortest) * drawn[..., 4]
        radius = float(half.mean())
        rod, thing = _places(state, n)
        actions = state.new_zeros(len(state), n, horizon, len(low))
        for step in range(horizon):
            ahead = thing + points[:, :, step] - rod
            angle = torch.where(
                aimed[:, :, step], torch.atan2(ahead[..., 1], ahead[..., 0]), anywhere[:, :, step]
            )
            push = lengths[:, :, step, None] * _unit(angle)
            rod, thing = _pushed(rod, thing, push, radius + ROD_RADIUS)
            actions[:, :, step, :2] = push / MAX_PUSH
        return actions


@dataclass(frozen=True, kw_only=True)
class ApproachAndPush:
    """Sequences that take the rod round the object to the side it is to be pushed from.

    Each candidate draws where the object shall go: about the shortest way to the goal, or anywhere.
    The rod goes straight to the opposite side if nothing is between, else along a circle about the
    object, and pushes from there on, steered to stay behind. The object is taken for a disc that
    moves in front of the rod; what it really does the model says.
    """

    way: Way
    """The shortest way to the goal."""
    radius: float
    """Of the object taken for a disc, m."""
    gap: float = 0.012
    """Between the rod's surface and the disc on the way round, m."""
    spread: float = 0.4
    """Standard deviation of the direction about that of the way, radians."""
    anywhere: float = 0.2
    """Share of the candidates that push anywhere."""
    magnitudes: tuple[float, float] = (0.01, 0.06)
    """Shortest and longest push, m; on the way round the rod takes the longest."""

    def __post_init__(self) -> None:
        """Refuse what is no distance, spread or share."""
        if min(self.radius, self.gap, self.spread, self.magnitudes[0]) <= 0:
            raise InputError("radius, gap, spread and the shortest push must be above 0.")
        if not 0.0 <= self.anywhere <= 1.0:
            raise InputError(f"anywhere must be a share, 0 to 1; got {self.anywhere}.")

    def propose(
        self,
        dynamics: Dynamics,
        state: Float[Tensor, "E S"],
        n: int,
        *,
        horizon: int,
        low: Float[Tensor, "A"],
        high: Float[Tensor, "A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "E n H A"]:
        """Propose `n` sequences of pushes for each system; see `Proposal.propose`."""
        E = len(state)
        noise = torch.randn(E, n, horizon + 1, generator=generator, dtype=state.dtype)
        drawn = torch.rand(E, n, horizon + 2, generator=generator, dtype=state.dtype)
        free = drawn[..., -1] < self.anywhere
        heading = (2 * drawn[..., -2] - 1) * math.pi
        shortest, longest = self.magnitudes
        lengths = shortest + (longest - shortest) * drawn[..., :horizon]
        touch, round_it = self.radius + ROD_RADIUS, self.radius + ROD_RADIUS + self.gap
        rod, thing = _places(state, n)
        actions = state.new_zeros(E, n, horizon, len(low))
        for step in range(horizon):
            onward = self.way.heading(thing) + self.spread * noise[..., -1]
            aim = torch.where(free, heading, onward) + 0.5 * self.spread * noise[..., step]
            behind = thing - round_it * _unit(aim)
            away = rod - thing
            around = torch.atan2(away[..., 1], away[..., 0])
            # How far round the object the rod still is from being opposite to where it goes.
            off = _wrapped(aim + math.pi - around)
            pushing = off.abs() < 0.5
            turn = off.clamp(-longest / round_it, longest / round_it)
            along = thing + round_it * _unit(around + turn) - rod
            straight = behind - rod
            blocked = _distance_to(thing, rod, behind) < touch + 0.5 * self.gap
            go = torch.where(blocked[..., None], along, straight)
            length = go.norm(dim=-1, keepdim=True).clamp(min=1e-6)
            go = go * (length.clamp(max=longest) / length)
            forward = thing + 0.5 * touch * _unit(aim) - rod
            forward = forward / forward.norm(dim=-1, keepdim=True).clamp(min=1e-6)
            push = torch.where(pushing[..., None], lengths[:, :, step, None] * forward, go)
            rod, thing = _pushed(rod, thing, push, touch)
            actions[:, :, step, :2] = push / MAX_PUSH
        return actions


def _places(
    state: Float[Tensor, "E S"], n: int
) -> tuple[Float[Tensor, "E n 2"], Float[Tensor, "E n 2"]]:
    """Where the rod and the object are, for n candidates of each system."""
    rod, thing = state[:, ROD], state[:, OBJECT]
    return rod[:, None].expand(-1, n, -1), thing[:, None].expand(-1, n, -1)


def _pushed(
    rod: Float[Tensor, "E n 2"],
    thing: Float[Tensor, "E n 2"],
    push: Float[Tensor, "E n 2"],
    touch: float,
) -> tuple[Float[Tensor, "E n 2"], Float[Tensor, "E n 2"]]:
    """Move the rod, and a disc that it runs into to where the two just touch.

    A disc that would lie behind the rod by then is put in front of it.
    """
    rod = rod + push
    apart = thing - rod
    distance = apart.norm(dim=-1, keepdim=True)
    direction = push / push.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    passed = (apart * direction).sum(dim=-1, keepdim=True) < 0
    outward = torch.where(passed, direction, apart / distance.clamp(min=1e-6))
    return rod, torch.where(distance < touch, rod + touch * outward, thing)


def _distance_to(
    point: Float[Tensor, "E n 2"], start: Float[Tensor, "E n 2"], end: Float[Tensor, "E n 2"]
) -> Float[Tensor, "E n"]:
    """Distance of points from the straight lines between two others."""
    line, there = end - start, point - start
    share = (there * line).sum(-1) / line.square().sum(-1).clamp(min=1e-12)
    off: Tensor = (there - share.clamp(0, 1)[..., None] * line).norm(dim=-1)
    return off


def _unit(angle: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 2"]:
    return torch.stack((angle.cos(), angle.sin()), dim=-1)


def _wrapped(angle: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    return (angle + math.pi).remainder(2 * math.pi) - math.pi
