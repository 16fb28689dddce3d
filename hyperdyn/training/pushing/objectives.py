"""What a plan for pushing is worth: how near the goal it gets, and how much room it leaves."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.pushing.layout import GOAL_RADIUS
from hyperdyn.envs.pushing.world import TABLE_SIDE
from hyperdyn.errors import InputError
from hyperdyn.planners import Objective
from hyperdyn.pushing.state import STATE_SPACE, turned_by
from hyperdyn.training.pushing.surroundings import OBJECT, ROD, Surroundings, Way

BETWEEN = 3
"""Places of the object looked at in each push, evenly spaced, the last at its end."""
_VELOCITY = STATE_SPACE.slice_of("velocity")


@dataclass(frozen=True, kw_only=True)
class ReachGoal(Objective):
    """Minus the way left after each push, and after the last once more, until the goal is reached.

    The environment stops at the first push that ends within 4 cm of the goal, so nothing that a
    plan does beyond counts, and a plan that gets there sooner is worth more.
    """

    goal: tuple[float, float]
    """x and y, m."""
    way: Way | None = None
    """How far it is around the obstacles; None: as the crow flies."""
    within: float = 0.03
    """Distance at which the goal counts as reached, m: less than the environment's 4 cm, by about
    what the model is wrong."""
    behind: float = 0.02
    """Metres of way that a radian counts by which the rod, at the end, is not behind the object.
    Without it no push is worth more than another while the rod is on the wrong side."""

    def __post_init__(self) -> None:
        """Refuse a distance that the environment would not count as reached."""
        if not 0 < self.within <= GOAL_RADIUS:
            raise InputError(
                f"within must be above 0 and at most {GOAL_RADIUS}; got {self.within}."
            )

    def __call__(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Way left, as a return: zero or negative."""
        after = states[:, :, 1:, OBJECT]
        if self.way is None:
            left: Tensor = (after - after.new_tensor(self.goal)).norm(dim=-1)
        else:
            left = self.way.distance(after)
        before, last = running(states, self.goal, self.within)
        ahead = left[:, :, -1] + self.behind * self._off(states[:, :, -1])
        return -(left * before).mean(dim=-1) - ahead * last

    def _off(self, state: Float[Tensor, "E N S"]) -> Float[Tensor, "E N"]:
        """How far round the object the rod is from behind it, 0 to π."""
        onward = state.new_tensor(self.goal) - state[..., OBJECT]
        if self.way is not None:
            angle = self.way.heading(state[..., OBJECT])
            onward = torch.stack((angle.cos(), angle.sin()), dim=-1)
        to_object = state[..., OBJECT] - state[..., ROD]
        across = onward[..., 0] * to_object[..., 1] - onward[..., 1] * to_object[..., 0]
        off: Tensor = torch.atan2(across, (onward * to_object).sum(dim=-1)).abs()
        return off


@dataclass(frozen=True, kw_only=True)
class Safety:
    """The room that lacks (m), summed over the pushes up to the goal: a hard constraint.

    Where there is less room to begin with, no more than that is wanted: else nothing would be
    safe, neither to stay nor to leave.

    As a cost instead it let plans cut corners: with the same model 25 % of the trials among
    obstacles ended at one, against 10 %.
    """

    surroundings: Surroundings
    """The object and the obstacles."""
    goal: tuple[float, float]
    """x and y, m."""
    within: float = 0.03
    """As for `ReachGoal`."""
    margin: float = 0.01
    """Room wanted between the object and obstacles, m."""
    growth: float
    """More room wanted, beside obstacles and the table's edge, for each metre that a push moves the
    object: the further it moves, the further off the model is."""
    coast: float = 0.5
    """Seconds for which an object that still slides at the end of a push counts as moved on, as
    nothing holds it up then. Without it 11 of 70 trials among obstacles (training objects) ended
    off the table, with it none of 40."""
    edge: float = 0.02
    """Room wanted between the object's position and the table's edge, m."""
    rod: float = 0.01
    """Room wanted between the rod's axis and obstacles, m: its radius and a little."""

    def violation(
        self, states: Float[Tensor, "E N T S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N"]:
        """Room that lacks, summed over the pushes before the goal is reached."""
        moved = states[..., OBJECT].diff(dim=2).norm(dim=-1)
        speed = states[:, :, 1:, _VELOCITY][..., :2].norm(dim=-1)
        doubt = self.growth * (moved + self.coast * speed)
        room = TABLE_SIDE / 2 - states[..., OBJECT].abs().amax(dim=-1)
        lack = (room[:, :, :1].clamp(max=self.edge) + doubt - room[:, :, 1:]).clamp(min=0)
        around = self.surroundings
        if around.obstacles:
            first = around.distance(self._outlines(states[:, :1, :1].expand(-1, -1, 2, -1)))
            first = (first.amin(dim=(-2, -1)) - around.radius).clamp(max=self.margin)
            room = around.distance(self._outlines(states)).amin(dim=-1) - around.radius
            so_far = doubt[..., None] * _shares().to(states)
            lack = lack + (first[..., None] + so_far - room).amax(dim=-1).clamp(min=0)
            first = around.distance(states[:, :, :1, ROD]).clamp(max=self.rod)
            rod = around.distance(_between(states[..., ROD])).amin(dim=-1)
            lack = lack + (first - rod).clamp(min=0)
        before, _ = running(states, self.goal, self.within)
        total: Tensor = (lack * before).sum(dim=-1)
        return total

    def _outlines(self, states: Float[Tensor, "E N T S"]) -> Float[Tensor, "E N H K P 2"]:
        """The object's outline during each push."""
        around = self.surroundings
        centres = _between(states[..., OBJECT])[..., None, :]
        if len(around.outline) == 1:
            return centres
        turned = turned_by(states) - around.yaw
        shares = torch.stack((turned.cos(), turned.sin()), dim=-1)
        c, s = _between(shares)[..., None, :].unbind(dim=-1)
        x, y = around.outline.to(states).unbind(dim=-1)
        return centres + torch.stack((c * x - s * y, s * x + c * y), dim=-1)


def running(
    states: Float[Tensor, "E N T S"], goal: tuple[float, float], within: float
) -> tuple[Float[Tensor, "E N H"], Float[Tensor, "E N"]]:
    """1 for pushes that are still made (0 after the first that reaches the goal), and at the end.

    Args:
        states: Trajectories.
        goal: x and y, m.
        within: Distance at which it is reached, m.
    """
    after = states[:, :, 1:, OBJECT]
    missed = ((after - after.new_tensor(goal)).norm(dim=-1) > within).to(states)
    still = missed.cumprod(dim=-1)
    return torch.cat((torch.ones_like(still[..., :1]), still[..., :-1]), dim=-1), still[..., -1]


def _between(values: Float[Tensor, "E N T D"]) -> Float[Tensor, "E N H K D"]:
    """Values on the straight lines between states, `BETWEEN` in each push."""
    start, end = values[:, :, :-1, None], values[:, :, 1:, None]
    return start + _shares().to(values)[:, None] * (end - start)


def _shares() -> Float[Tensor, " K"]:
    """Of a push, at the places looked at."""
    return torch.arange(1, BETWEEN + 1) / BETWEEN
