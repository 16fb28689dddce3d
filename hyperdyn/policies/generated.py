"""Policies that a generator wrote, as one plain value."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.networks import MLPSpec, batched_mlp, split_parameters
from hyperdyn.storage import from_config, read_folder, to_config, write_folder

KIND = "generated-policy"


@dataclass(frozen=True)
class GeneratedPolicy:
    """E policies a = tanh(MLP(o)), each with its own weights.

    The weights take observations as an environment gives them: standardisation is folded into the
    first layer. `act` is what `hyperdyn.planners.PolicyProposal` takes, for dynamics whose states
    are the observations.
    """

    spec: MLPSpec
    """Network from O to A, before the tanh."""
    parameters: Float[Tensor, "E P"]
    """Generated weights, one row a policy."""

    @property
    def num_policies(self) -> int:
        """E."""
        return len(self.parameters)

    @property
    def observation_dim(self) -> int:
        """O."""
        return self.spec.sizes[0]

    @property
    def action_dim(self) -> int:
        """A."""
        return self.spec.sizes[-1]

    @property
    def parameters_by_layer(self) -> list[tuple[Tensor, Tensor]]:
        """Weight (E, outputs, inputs) and bias (E, outputs) of each layer."""
        return split_parameters(self.spec, self.parameters)

    def act(self, observations: Float[Tensor, "E *N O"]) -> Float[Tensor, "E *N A"]:
        """Choose actions.

        Args:
            observations: One for each policy, shape (E, O), or N for each, shape (E, N, O).

        Returns:
            Actions between -1 and 1, of shape (E, A) or (E, N, A).

        Raises:
            InputError: If the number of policies, the width, the dtype or the device is another.
        """
        self._check(observations)
        many = observations if observations.ndim == 3 else observations[:, None]
        actions = torch.tanh(batched_mlp(self.spec, self.parameters, many))
        return actions if observations.ndim == 3 else actions[:, 0]

    def _check(self, observations: Tensor) -> None:
        shape, wanted = observations.shape, (self.num_policies, self.observation_dim)
        if len(shape) not in (2, 3) or (shape[0], shape[-1]) != wanted:
            raise InputError(
                f"act got observations of shape {tuple(shape)}; these policies want (E, O) or "
                f"(E, N, O) with E = {wanted[0]} and O = {wanted[1]}. Select policies with "
                "policy[index]."
            )
        own = self.parameters
        if observations.dtype != own.dtype or observations.device != own.device:
            raise InputError(
                f"act got observations of {observations.dtype} on {observations.device}; these "
                f"policies are {own.dtype} on {own.device}. Convert them, or the policies with "
                "policy.to(...)."
            )

    def __getitem__(self, index: int | slice | Tensor) -> "GeneratedPolicy":
        """Select policies; an integer keeps the leading axis, so the result still has E = 1."""
        if isinstance(index, int):
            index = torch.tensor([index])
        return replace(self, parameters=self.parameters[index])

    def to(self, target: torch.device | torch.dtype | str) -> "GeneratedPolicy":
        """Copy to a device or a floating-point type."""
        return replace(self, parameters=self.parameters.to(target))

    def save(self, folder: str | Path) -> None:
        """Write the policies to a folder.

        Raises:
            CheckpointError: If it cannot be written; what stood there before is untouched.
        """
        config = {"spec": to_config(self.spec)}
        write_folder(folder, KIND, config, {"parameters": self.parameters})

    @classmethod
    def load(cls, folder: str | Path) -> "GeneratedPolicy":
        """Read policies written by `save`, equal to them bit for bit.

        Raises:
            CheckpointError: If the folder is missing, damaged, or holds something else.
        """
        config, tensors = read_folder(folder, KIND)
        return cls(from_config(MLPSpec, config["spec"]), tensors["parameters"])
