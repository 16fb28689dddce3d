"""The box of space above the table that a map covers, cut into voxels."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.perception.errors import PerceptionError


@dataclass(frozen=True, kw_only=True)
class Volume:
    """An upright box of cubic voxels. Maps are indexed [z, y, x], each rising with the coordinate.

    Raises:
        PerceptionError: If the pitch or a number of voxels is not positive.
    """

    origin: tuple[float, float, float] = (-0.4, -0.4, -0.0125)
    """Lowest corner (x, y, z), metres; one layer of voxels lies below the table's top."""
    shape: tuple[int, int, int] = (12, 64, 64)
    """Voxels along z, y and x."""
    pitch: float = 0.0125
    """Edge of a voxel, metres."""

    def __post_init__(self) -> None:
        """Check the sizes."""
        if not self.pitch > 0 or min(self.shape) < 1:
            raise PerceptionError(
                f"Volume got a pitch of {self.pitch} m and a shape of {self.shape}; give a "
                "positive pitch and at least one voxel along z, y and x."
            )

    @property
    def size(self) -> tuple[float, float, float]:
        """Extent along x, y and z, metres."""
        z, y, x = self.shape
        return (x * self.pitch, y * self.pitch, z * self.pitch)

    def centres(self, *, device: torch.device | str = "cpu") -> Float[Tensor, "z y x 3"]:
        """World coordinates of the centre of each voxel, metres."""
        z, y, x = (
            low + self.pitch * (torch.arange(count, device=device, dtype=torch.float32) + 0.5)
            for low, count in zip(reversed(self.origin), self.shape, strict=True)
        )
        grid = torch.meshgrid(z, y, x, indexing="ij")
        return torch.stack(grid[::-1], dim=-1)

    def normalised(self, points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """Coordinates (x, y, z) from -1 to 1 between the box's faces, as `grid_sample` wants."""
        low, size = points.new_tensor(self.origin), points.new_tensor(self.size)
        return (points - low) * (2 / size) - 1

    def voxels(self, points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """Coordinates (x, y, z) in voxels; the first voxel's centre is at 0.5."""
        return (points - points.new_tensor(self.origin)) / self.pitch
