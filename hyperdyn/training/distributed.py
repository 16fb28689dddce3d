"""Several processes that fit one model together, each with a share of every batch (torchrun).

`torchrun --nproc-per-node 2 -m hyperdyn train PRESET --out RUN` starts them, on one machine or on
several that see the same RUN. All of them read the same data, draw the same batches and take the
same steps; the first one collects the data and writes the run folder.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import torch
from torch import distributed, nn

from hyperdyn.errors import InputError, require_known
from hyperdyn.training.windows import Windows

DEVICES = ("cpu", "cuda")
PATIENCE = timedelta(days=7)  # the others wait while the first collects


@dataclass(frozen=True, kw_only=True)
class Team:
    """This process among those that fit a model."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where this process's model and batches stand."""

    @property
    def leads(self) -> bool:
        """Whether it is this process that collects, writes and speaks."""
        return self.rank == 0

    def require_batches(self, contexts: int) -> None:
        """Refuse batches that do not hold one context for each process.

        Raises:
            InputError: With both numbers.
        """
        if self.size > contexts:
            raise InputError(
                f"{self.size} processes cannot share batches of {contexts} contexts; start at most "
                f"{contexts}."
            )

    def share(self, windows: Windows) -> Windows:
        """This process's windows of a batch: in order, as evenly as can be."""
        if self.size == 1:
            return windows
        contexts = len(windows.states)
        first, last = (contexts * number // self.size for number in (self.rank, self.rank + 1))
        return windows[first:last]

    def join_gradients(self, model: nn.Module, weight: float) -> None:
        """Replace the gradients by the sum over all processes, each times its weight.

        Args:
            model: Whose parameters have gradients.
            weight: This process's share of the batch.
        """
        if self.size == 1:
            return
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        joined = weight * torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(joined)
        parts = joined.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def agree(self, value: float) -> float:
        """The first process's value, so that all decide alike."""
        if self.size == 1:
            return value
        agreed = torch.tensor(value, dtype=torch.float64, device=self.device)
        distributed.broadcast(agreed, src=0)
        return agreed.item()

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            self.agree(0.0)


@contextlib.contextmanager
def open_team(device: str) -> Iterator[Team]:
    """This process by itself, or, if torchrun started it, among the others.

    Args:
        device: cpu or cuda. Each process that torchrun starts takes a GPU of its own.

    Raises:
        UnknownNameError: If the device is neither.
        InputError: If there is no GPU, or fewer than processes.
    """
    require_device(device)
    if not distributed.is_torchelastic_launched():
        yield Team(device=torch.device(device))
        return
    rank, size, local = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    place = torch.device(device, local) if device == "cuda" else torch.device(device)
    if device == "cuda":
        if local >= torch.cuda.device_count():
            raise InputError(
                f"torchrun started process {local} on a machine of {torch.cuda.device_count()} "
                "GPUs; take --nproc-per-node at most as large."
            )
        torch.cuda.set_device(place)
    backend = "nccl" if device == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE, rank=rank, world_size=size)
    try:
        yield Team(rank=rank, size=size, device=place)
    finally:
        distributed.destroy_process_group()


def require_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        UnknownNameError: If it is not cpu or cuda.
        InputError: If there is no GPU.
    """
    require_known("device", device, DEVICES)
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            f"There is no GPU that torch {torch.__version__} can use; leave --device at cpu, or "
            "install torch for CUDA where there is a GPU."
        )


def process_rank() -> int:
    """This process's number among those that torchrun started; 0 where it started none."""
    return int(os.environ["RANK"]) if distributed.is_torchelastic_launched() else 0
