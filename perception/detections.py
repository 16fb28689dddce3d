"""What a detector found."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.perception.errors import NoObjectError, SeveralObjectsError


@dataclass(frozen=True)
class Detections:
    """Up to O objects in each of B scenes, best first."""

    boxes: Float[Tensor, "B O 6"]
    """Centre and size of axis-aligned boxes, world frame, metres; 0 behind the last one found."""
    scores: Float[Tensor, "B O"]
    """Probability of an object, 0 to 1; 0 behind the last one found."""

    @property
    def counts(self) -> Tensor:
        """Number of objects found in each scene, shape (B,)."""
        return (self.scores > 0).sum(-1)

    def of(self, scene: int) -> Float[Tensor, "n 6"]:
        """The boxes found in one scene, best first; none is an empty tensor."""
        return self.boxes[scene, : int(self.counts[scene])]

    def one(self) -> Float[Tensor, "B 6"]:
        """The only box of each scene.

        Raises:
            NoObjectError: If nothing was found in a scene.
            SeveralObjectsError: If more than one object was found in a scene.
        """
        counts = self.counts
        if bool((counts == 0).any()):
            raise NoObjectError(
                f"No object in view in scene {int((counts == 0).nonzero()[0])}; one is needed. "
                "Check that the object lies on the table inside the volume and the image, that the "
                "camera's pose is right, or lower score_threshold."
            )
        if bool((counts > 1).any()):
            scene = int((counts > 1).nonzero()[0])
            raise SeveralObjectsError(
                f"{int(counts[scene])} objects in scene {scene} (scores "
                f"{[round(x, 2) for x in self.scores[scene, : int(counts[scene])].tolist()]}), "
                "where one is expected; choose with .nearest(position), or clear the table."
            )
        return self.boxes[:, 0]

    def nearest(self, positions: Float[Tensor, "B 3"]) -> Float[Tensor, "B 6"]:
        """Of each scene the box whose centre is nearest to a position, horizontally.

        Raises:
            NoObjectError: If nothing was found in a scene.
        """
        if bool((self.counts == 0).any()):
            self.one()
        distance = (self.boxes[..., :2] - positions[:, None, :2]).norm(dim=-1)
        index = torch.where(self.scores > 0, distance, torch.inf).argmin(-1)
        return self.boxes[torch.arange(len(index), device=index.device), index]
