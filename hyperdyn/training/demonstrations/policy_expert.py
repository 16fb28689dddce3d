"""An expert that is one network for all specifications of a task."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.suite.base import SuiteEnv
from hyperdyn.envs.suite.grids import GRIDS, Grid
from hyperdyn.errors import CheckpointError
from hyperdyn.storage import read_folder, read_header, write_folder

KIND = "expert-policy"


def scaled_specification(
    grid: Grid, specifications: Float[np.ndarray, "*batch D"]
) -> Float[np.ndarray, "*batch D"]:
    """Specifications in deviations from the mean of the task's grid."""
    values = grid.values()
    scaled: Float[np.ndarray, "*batch D"] = (specifications - values.mean(0)) / values.std(0)
    return scaled


class PolicyExpert:
    """A perceptron from observation and scaled specification to the mean action.

    Args:
        task: The task it was trained for.
        layers: Weight [out, in] and bias [out] of each layer, rectified between, tanh at the end.
        settings: Where it is from, as JSON values.
    """

    def __init__(
        self, task: str, layers: Sequence[tuple[Tensor, Tensor]], settings: dict[str, Any]
    ) -> None:
        self.task = task
        self.layers = tuple(layers)
        self.settings = settings

    def begin(self, envs: Sequence[SuiteEnv], generator: torch.Generator) -> None:
        """Read the specifications of the episodes; nothing is drawn."""
        grid = GRIDS[self.task]
        rows = [[env.specification[name] for name in grid.names] for env in envs]
        self._specifications = torch.from_numpy(scaled_specification(grid, np.array(rows))).float()

    def act(self, observations: Float[Tensor, "E O"]) -> Float[Tensor, "E A"]:
        """The mean action."""
        hidden = torch.cat([observations, self._specifications], dim=1)
        for weight, bias in self.layers[:-1]:
            hidden = torch.relu(torch.addmm(bias, hidden, weight.T))
        weight, bias = self.layers[-1]
        return torch.tanh(torch.addmm(bias, hidden, weight.T))

    def write(self, folder: Path) -> None:
        """Write it in one step.

        Raises:
            CheckpointError: If it cannot be written.
        """
        tensors: dict[str, Tensor] = {}
        for number, (weight, bias) in enumerate(self.layers):
            tensors |= {f"{number}.weight": weight, f"{number}.bias": bias}
        write_folder(folder, KIND, {"task": self.task, "settings": self.settings}, tensors)

    @classmethod
    def read(cls, folder: Path) -> "PolicyExpert":
        """Read what `write` wrote; its settings then name the weights by their SHA-256 too.

        Raises:
            CheckpointError: If it is missing or damaged.
        """
        config, tensors = read_folder(folder, KIND)
        count = len(tensors) // 2
        try:
            layers = [(tensors[f"{n}.weight"], tensors[f"{n}.bias"]) for n in range(count)]
            settings = {**config["settings"], "sha256": read_header(folder)["sha256"]}
            return cls(config["task"], layers, settings)
        except KeyError as error:
            raise CheckpointError(f"{folder} holds no policy: {error} is missing.") from error
