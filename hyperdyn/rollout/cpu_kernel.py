"""The fused CPU rollout of float32 models whose states add up.

Importing this module loads numba. The kernel is compiled when it is first called, or read from
numba's cache on disk; candidates give the same bits on every call, whatever stands beside them and
however many threads share the work.
"""

import functools
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from hyperdyn.networks import MLPSpec
from hyperdyn.rollout.cpu_packing import kernel_table
from hyperdyn.rollout.cpu_shapes import Shape, host_shape
from hyperdyn.rollout.cpu_tiles import SOURCE_VERSION, tile_kernel
from hyperdyn.states import StateSpace

WORTH_A_THREAD = 10_000_000  # multiply-adds; less is done before another thread has woken


def rollout(
    spec: MLPSpec,
    space: StateSpace,
    parameters: Float[Tensor, "E P"],
    states: Float[Tensor, "E S"],
    actions: Float[Tensor, "E N H A"],
    shape: Shape | None = None,
) -> Float[Tensor, "E N H+1 S"]:
    """Roll E generated models forward, on up to `torch.get_num_threads()` threads.

    Args:
        spec: As `reference.rollout`, and so are the four arguments after it; float32, on the CPU, and
            every field of the space a vector. No gradient flows through the result.
        space: Composition and input columns.
        parameters: Weights in physical units.
        states: Where each system stands.
        actions: N candidate sequences for each system.
        shape: Register block of the kernel; that of this processor if None.

    Returns:
        Trajectories; index 0 along the time axis is the given state.
    """
    systems, samples, horizon, _ = actions.shape
    table = _table(spec, space)
    kernel = tile_kernel(shape or host_shape())
    held = [tensor.contiguous() for tensor in (parameters, states, actions)]
    trajectories = torch.empty(systems, samples, horizon + 1, states.shape[1])
    held.append(trajectories)
    tasks = np.zeros(1, dtype=np.int64)
    addresses = [tensor.data_ptr() for tensor in held]

    def work(_: list[Tensor]) -> None:
        if kernel(table, tasks, *addresses, systems, samples, horizon) != 0:
            raise RuntimeError(
                "The compiled rollout is of another version than the sources around it; restart "
                "Python, and remove the package's __pycache__ folders if that does not help."
            )

    helpers = torch.get_num_threads() - 1
    if helpers and systems * samples * horizon * parameters.shape[1] > WORTH_A_THREAD:
        # Whoever is free takes the next tile, so a helper that gets no processor delays nobody. Each
        # holds the tensors: an interrupt here must not free what another thread still writes to.
        waiting = [_helpers(helpers).submit(work, held) for _ in range(helpers)]
        work(held)
        for helper in waiting:
            if not helper.cancel():
                helper.result()
    else:
        work(held)
    return trajectories


@functools.lru_cache(maxsize=64)
def _table(spec: MLPSpec, space: StateSpace) -> NDArray[np.int64]:
    return kernel_table(spec, space, SOURCE_VERSION)


@functools.cache
def _helpers(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="hyperdyn-rollout")


os.register_at_fork(after_in_child=_helpers.cache_clear)  # threads do not survive a fork
