"""See an object, feel it, and get the dynamics of pushing it (HyperDynamics, section 3.1)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.errors import InputError
from hyperdyn.perception import Detections, Scene, Views, VisualEncoder, YawRing
from hyperdyn.pushing.config import PushingConfig
from hyperdyn.pushing.dynamics import PushingDynamics, normalised_inputs
from hyperdyn.pushing.interactions import Interactions, Truth
from hyperdyn.pushing.map_parts import features_of, map_part
from hyperdyn.pushing.own_network import Experts
from hyperdyn.pushing.predictor import Watched
from hyperdyn.pushing.retrieval import at_yaw_zero, most_alike
from hyperdyn.pushing.state import ACTION_DIM, POSITION, STATE_SPACE, turned_by
from hyperdyn.pushing.turning import TURNS, Angle, Encoded, Looked, Turning
from hyperdyn.states import Normaliser

_MASS, _FRICTION = (650.0, 350.0), (1e-3, 2e-4)  # middle and half width of the training ranges


@dataclass(frozen=True)
class Seen:
    """What one look leaves of E objects: enough for their shape codes at every yaw."""

    features: Float[Tensor, "E F y x"]
    """The map around each object, its heights mixed."""
    yaws: Float[Tensor, " E"]
    """How each object lay, radians."""
    boxes: Float[Tensor, "E 6"]
    """The box each was found in: centre and size, m."""

    def __getitem__(self, index: slice | Tensor) -> "Seen":
        """Select objects."""
        return Seen(self.features[index], self.yaws[index], self.boxes[index])


class PushingGenerator(nn.Module):
    """A visual encoder, and a predictor of one of the kinds in `PushingConfig`.

    Args:
        config: Kind and sizes.
        visual: E_vis.
        generator: Source of the predictor's first weights.
    """

    def __init__(
        self, config: PushingConfig, visual: VisualEncoder, *, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.config = config
        self.visual = visual
        shape_dim = visual.config.code_dim
        self.predictor = config.build(shape_dim, generator)
        self.normaliser = Normaliser(STATE_SPACE.dim, ACTION_DIM)
        # What the training objects look like at every turn; experts are found by it.
        known = config.experts if isinstance(self.predictor, Experts) else 0
        self.register_buffer("references", torch.zeros(known, config.ring, shape_dim))

    references: Tensor

    @torch.no_grad()
    def detect(self, views: Views) -> Detections:
        """Find the objects of E scenes."""
        found: Detections = self.visual(views).detections
        return found

    @torch.no_grad()
    def look(self, views: Views, states: Float[Tensor, "E S"]) -> Seen:
        """See the object that is to be pushed in each of E scenes.

        Args:
            views: Posed RGB-D images.
            states: At the time they were taken: of several objects found the one nearest to the
                state's position is meant.

        Raises:
            NoObjectError: If nothing was found in a scene.
        """
        scene = self.visual(views)
        return self.seen(scene, scene.detections.nearest(states[:, POSITION]), states)

    @torch.no_grad()
    def seen(self, scene: Scene, boxes: Float[Tensor, "E 6"], states: Float[Tensor, "E S"]) -> Seen:
        """What is kept of objects found in scenes that were mapped; see `look`."""
        part = map_part(self.visual, scene.map, boxes, cropping=self.config.cropping)
        return Seen(features_of(self.visual, part), turned_by(states), boxes)

    @torch.no_grad()
    def generate(
        self,
        interactions: Interactions,
        seen: Seen | None = None,
        *,
        truth: Truth | None = None,
        exact: bool = False,
    ) -> PushingDynamics:
        """Make the dynamics of E objects.

        Args:
            interactions: What pushing them did.
            seen: What they look like (`look`); `XYZ` alone does without.
            truth: For an ensemble of experts, an oracle: which objects they are, −1 for the most
                alike, their masses and frictions.
            exact: Shape codes are worked out anew for every planned push, not looked up in a ring.

        Raises:
            InputError: If the numbers of objects or pushes do not fit, or something is missing.
        """
        self._check(interactions, seen, truth)
        told: dict[str, Tensor] = {}
        if isinstance(self.predictor, Experts) and truth is not None:
            experts, offsets = self._experts(seen, truth)
            turning: Turning = Angle(offsets)
            told = {"experts": experts, "properties": scaled_properties(truth)}
        else:
            turning = self._turning(len(interactions), seen, exact)
        turned = turning.at(turned_by(interactions.states[:, :-1]))
        kept = self.predictor.watch(self.watched(interactions, turned)._replace(**told))
        return PushingDynamics(self.predictor, self.normaliser, kept, turning)

    def watched(self, interactions: Interactions, turned: Float[Tensor, "E K Z"]) -> Watched:
        """Interactions as predictors see them."""
        states, stats = interactions.states, self.normaliser
        changes = STATE_SPACE.difference(states[:, :-1], states[:, 1:])
        E = len(states)
        return Watched(
            inputs=normalised_inputs(stats, states[:, :-1], interactions.actions),
            changes=(changes - stats.change_mean) / stats.change_std,
            turned=turned,
            experts=torch.full((E,), -1),
            properties=states.new_zeros(E, 2),
        )

    def ring(self, seen: Seen) -> YawRing:
        """Shape codes of objects by how far they are turned from how they were seen."""
        return self.visual.ring(seen.features, count=self.config.ring)

    def _turning(self, count: int, seen: Seen | None, exact: bool) -> Turning:
        if seen is None or not self.predictor.looks:
            return Angle(torch.zeros(count))
        if exact:
            return Encoded(self.visual, seen.features, seen.yaws)
        return Looked(self.visual.ring(seen.features, count=TURNS), seen.yaws)

    def _experts(self, seen: Seen | None, truth: Truth) -> tuple[Tensor, Tensor]:
        """The expert of each object, and what its yaw is off by."""
        experts, offsets = truth.objects.clone(), torch.zeros(len(truth.objects))
        unknown = truth.objects < 0
        if bool(unknown.any()):
            if seen is None:
                raise InputError("To find the expert of an unknown object, give seen=...")
            rings = at_yaw_zero(self.ring(seen[unknown]), seen.yaws[unknown])
            experts[unknown], offsets[unknown] = most_alike(rings, YawRing(self.references))
        return experts, offsets

    def _check(self, interactions: Interactions, seen: Seen | None, truth: Truth | None) -> None:
        pushes = interactions.actions.shape[1]
        if pushes != self.config.pushes:
            raise InputError(
                f"The interactions are {pushes} pushes; this model wants {self.config.pushes}."
            )
        if self.predictor.looks and seen is None:
            raise InputError(
                f"A model of kind {self.config.kind!r} must see the object: give seen=model.look("
                "views, states)."
            )
        for name, count in (
            ("seen", None if seen is None else len(seen.yaws)),
            ("truth", None if truth is None else len(truth.objects)),
        ):
            if count not in (None, len(interactions)):
                raise InputError(
                    f"{name} is of {count} objects, the interactions of {len(interactions)}; give "
                    "as many."
                )


def scaled_properties(truth: Truth) -> Float[Tensor, "E 2"]:
    """Mass and friction, −1 to 1 over the training ranges."""
    scaled = [
        (values - middle) / half
        for values, (middle, half) in (
            (truth.masses, _MASS),
            (truth.frictions, _FRICTION),
        )
    ]
    return torch.stack(scaled, dim=-1)
