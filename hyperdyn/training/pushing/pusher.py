"""What a trial needs of a model: what it sees on the table, and the dynamics it makes."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.envs.pushing import View
from hyperdyn.perception import NoObjectError, Views
from hyperdyn.pushing import Interactions, PushingGenerator, Seen, Truth
from hyperdyn.pushing.state import POSITION

LOST = 0.06
"""Metres between the object's position and a box's centre beyond which it is another's."""


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
        )

    def generate(self, interactions: Interactions, survey: Survey, truth: Truth) -> Dynamics:
        """Make the dynamics; see `Pusher.generate`."""
        return self.model.generate(interactions, survey.seen, truth=truth, exact=self.exact)


def views_of(view: View) -> Views:
    """An environment's picture as perception takes it: one view of one scene."""
    return Views(
        torch.from_numpy(view.rgb.copy()).permute(2, 0, 1)[None, None].float() / 255,
        torch.from_numpy(view.depth).float()[None, None],
        torch.from_numpy(view.intrinsics).float()[None, None],
        torch.from_numpy(view.pose).float()[None, None],
    )
