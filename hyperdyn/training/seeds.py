"""Random streams by name: no two uses share numbers, and a resumed run needs no saved state."""

import numpy as np
import torch

STREAMS = (
    "model",
    "collect",
    "plan",
    "batches",
    "subset",
    "normaliser",
    "evaluate",
    "fixed-data",
    "adaptation",
    "demonstrate",
    "expert",
    "promises",
)


def seed_for(seed: int, stream: str, *index: int) -> int:
    """A 63-bit seed that depends on every argument; streams are listed in `STREAMS`."""
    key = [seed, STREAMS.index(stream), *index]
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return int(state) >> 1


def torch_generator(
    seed: int, stream: str, *index: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """A generator for one use; those of other devices draw other numbers."""
    return torch.Generator(device).manual_seed(seed_for(seed, stream, *index))
