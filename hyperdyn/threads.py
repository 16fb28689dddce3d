"""Running torch on a stated number of threads, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def intra_op_threads(count: int | None) -> Iterator[None]:
    """Run the body with `count` intra-op threads (None: as they are), then give the count back.

    For small networks a second thread on a busy machine can cost more than twenty times what it
    saves; and sums in another order have other last bits, so a run that must come out the same
    anywhere uses one.
    """
    before = torch.get_num_threads()
    if count is None or count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
