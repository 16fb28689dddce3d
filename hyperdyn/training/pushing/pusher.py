"""What a trial needs of a model: what it sees on the table, and the dynamics it makes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.envs.pushing import View
from hyperdyn.envs.pushing.world import TABLE_SIDE
from hyperdyn.perception import NoObjectError, Views, depth_to_points
from hyperdyn.planners import Ensemble
from hyperdyn.pushing import Interactions, PushingGenerator, Seen, Truth
from hyperdyn.pushing.state import POSITION, ROD

LOST = 0.06
"""Metres between the object's position and a box's centre beyond which it is another's."""

_LOWEST, _HIGHEST = 0.006, 0.13  # m above the table: not its top, and not the arm above the rod
_ROD_ROOM = 0.016  # m about the rod's axis that its own points lie in


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What one look tells of a table."""

    seen: Seen | None
    """The object that is to be pushed; None where the model has no use for it."""
    own: Float[Tensor, "6"]
    """Its box: centre and size, m."""
    others: Float[Tensor, "n 6"]
    """The boxes of everything else."""
    from_above: Float[Tensor, "o h w"]
    """Decoded views from above of the object, then of the others, 0 to 1; x to the right, y up."""
    extent: float
    """Side of what such a view shows about its box's centre, m."""
    standing: Float[Tensor, "m 2"]
    """Where the depth image shows something above the table's top, the rod left out, x and y, m."""
    members: tuple["Survey", ...] = ()
    """What each of several models made of it; this is the first one's."""


@runtime_checkable
class Pusher(Protocol):
    """Sees a table and makes dynamics: a `ModelPusher`, or anything else that is to be tried."""

    def survey(self, views: Views, state: Float[Tensor, "1 S"]) -> Survey:
        """Look at a table.

        Args:
            views: One scene.
            state: Of the object that is to be pushed, when they were taken.

        Raises:
            NoObjectError: If it is not among what was found.
        """
        ...

    def generate(self, interactions: Interactions, survey: Survey, truth: Truth) -> Dynamics:
        """Make the dynamics of the object that was looked at.

        Args:
            interactions: What pushing it did.
            survey: What it looks like.
            truth: What it is; only an oracle may read it.
        """
        ...


class ModelPusher:
    """A trained model.

    Args:
        model: Any kind.
        exact: Whether shape codes are worked out anew for every planned push.
    """

    def __init__(self, model: PushingGenerator, *, exact: bool = False) -> None:
        self.model = model
        self.exact = exact

    @torch.no_grad()
    def survey(self, views: Views, state: Float[Tensor, "1 S"]) -> Survey:
        """Detect, and decode a view from above of each object; see `Pusher.survey`."""
        visual = self.model.visual
        scene = visual(views)
        boxes = scene.detections.of(0)
        away = (boxes[:, :2] - state[0, POSITION][:2]).norm(dim=-1)
        if len(boxes) == 0 or float(away.min()) > LOST:
            raise NoObjectError(
                f"Of {len(boxes)} boxes none is within {LOST} m of the object that is to be pushed."
            )
        own = int(away.argmin())
        # A second box about the same centre is the same object, found twice.
        half = boxes[own, 3:5] / 2
        twice = ((boxes[:, :2] - boxes[own, :2]).abs() < half).all(dim=-1)
        kept = [own, *(~twice).nonzero()[:, 0].tolist()]
        boxes = boxes[kept]
        features = visual.features(scene.map, boxes[None])[0]
        return Survey(
            seen=self.model.seen(scene, boxes[:1], state),
            own=boxes[0],
            others=boxes[1:],
            from_above=visual.decode(visual.codes(features)),
            extent=visual.config.view_extent,
            standing=standing(views, state),
        )

    def generate(self, interactions: Interactions, survey: Survey, truth: Truth) -> Dynamics:
        """Make the dynamics; see `Pusher.generate`."""
        return self.model.generate(interactions, survey.seen, truth=truth, exact=self.exact)


class EnsemblePusher:
    """Several trained models at once; the first one says what stands where.

    Args:
        members: At least two, of any kind.
    """

    def __init__(self, members: Sequence[Pusher]) -> None:
        self.members = tuple(members)

    def survey(self, views: Views, state: Float[Tensor, "1 S"]) -> Survey:
        """Let every model look; see `Pusher.survey`."""
        surveys = tuple(member.survey(views, state) for member in self.members)
        return replace(surveys[0], members=surveys)

    def generate(self, interactions: Interactions, survey: Survey, truth: Truth) -> Ensemble:
        """Make the dynamics of each model; see `Pusher.generate`.

        Raises:
            InputError: If there are fewer than two models.
        """
        pairs = zip(self.members, survey.members, strict=True)
        return Ensemble(tuple(member.generate(interactions, seen, truth) for member, seen in pairs))


def standing(views: Views, state: Float[Tensor, "1 S"]) -> Float[Tensor, "n 2"]:
    """Where depth images show something above the table's top, x and y, m.

    Below `_HIGHEST` nothing of the arm but the upright rod is there, and where the rod is, the
    state says.

    Args:
        views: One scene.
        state: When they were taken.
    """
    points = depth_to_points(views.depth, views.intrinsics, views.poses)[views.depth > 0]
    from_rod = (points[:, :2] - state[0, ROD][:2]).norm(dim=-1)
    high = (points[:, 2] > _LOWEST) & (points[:, 2] < _HIGHEST)
    on_table = points[:, :2].abs().amax(dim=-1) < TABLE_SIDE / 2 + LOST
    return points[high & on_table & (from_rod > _ROD_ROOM), :2]


def one_view(view: View) -> Views:
    """An environment's picture as perception takes it: one view of one scene."""
    return Views(
        torch.from_numpy(view.rgb.copy()).permute(2, 0, 1)[None, None].float() / 255,
        torch.from_numpy(view.depth).float()[None, None],
        torch.from_numpy(view.intrinsics).float()[None, None],
        torch.from_numpy(view.pose).float()[None, None],
    )
