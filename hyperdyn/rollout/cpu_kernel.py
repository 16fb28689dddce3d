"""The fused CPU rollout of float32 models whose states add up.

Importing this module loads numba. The kernel is compiled when it is first called, or read from
numba's cache on disk; candidates give the same bits on every call, whatever stands beside them and
however many threads share the work.
"""

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.networks import MLPSpec
from hyperdyn.rollout.cpu_packing import ACTION, PARAMETERS, STATE, kernel_table
from hyperdyn.rollout.cpu_shapes import Shape, host_shape
from hyperdyn.rollout.cpu_tiles import SOURCE_VERSION, Kernel, tile_kernel
from hyperdyn.states import StateSpace
from hyperdyn.terms import TermTable

NOTHING = TermTable.of(())
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
        spec: The network, from (state inputs + A) to S.
        space: The columns the network sees; every field is a vector.
        parameters: Weights in physical units, one row a system; all float32 on the CPU.
        states: Where each system stands.
        actions: N candidate sequences for each system.
        shape: Register block of the kernel; that of this processor if None.

    Returns:
        Trajectories, without gradients; index 0 along the time axis is the given state.

    Raises:
        InputError: If the widths of the network, the space and the tensors do not fit together.
    """
    E, N, H, _ = actions.shape
    table, wanted = _table(spec, space)
    _require_sizes(wanted, parameters, states, tuple(actions.shape))
    # Float32 on the CPU, whatever the defaults are.
    out = torch.empty((E, N, H + 1, space.dim), dtype=torch.float32, device="cpu")
    kernel = tile_kernel(shape) if shape else _host_kernel()
    held = (parameters.contiguous(), states.contiguous(), actions.contiguous(), out)
    before = (
        table,
        NOTHING.codes,
        NOTHING.numbers,
        *(tensor.data_ptr() for tensor in held[:2]),
    )
    addresses = (held[2].data_ptr(), out.data_ptr(), 0, 0)
    _call(kernel, before, addresses, (E, N, H), wanted[0], held)
    return out


def scorer(
    spec: MLPSpec,
    space: StateSpace,
    parameters: Float[Tensor, "E P"],
    states: Float[Tensor, "E S"],
    terms: TermTable,
    shape: Shape | None = None,
) -> Callable[[Tensor], tuple[Tensor, Tensor | None]]:
    """Prepare to sum an objective up while E generated models roll forward, keeping no trajectory.

    What does not change from call to call is done here: for a small plan that is most of it.

    Args:
        spec: As `rollout`, and so on to `states`.
        space: The columns the network sees.
        parameters: Weights.
        states: Where each system stands.
        terms: The objective.
        shape: Register block of the kernel; that of this processor if None.

    Returns:
        A function from candidates [E, N, H, A], float32, to their returns and, if the objective has
        hard terms, violations [E, N]; minus and plus infinity for one that is not finite.

    Raises:
        InputError: As `rollout`; the function too.
    """
    table, wanted = _table(spec, space)
    kernel = tile_kernel(shape) if shape else _host_kernel()
    systems, action_dim = len(states), wanted[2]
    parameters, states = parameters.contiguous(), states.contiguous()
    before = (table, terms.codes, terms.numbers, parameters.data_ptr(), states.data_ptr())
    _require_sizes(wanted, parameters, states, (systems, 0, 0, action_dim))

    def score(actions: Tensor) -> tuple[Tensor, Tensor | None]:
        size = actions.shape
        if size[0] != systems or size[3] != action_dim:
            _require_sizes(wanted, parameters, states, tuple(size))
        actions = actions.contiguous()
        # From numpy: for a small plan, two calls of torch.empty are a tenth of the time.
        sums = torch.from_numpy(np.empty(size[:2], np.float32))
        excess = torch.from_numpy(np.empty(size[:2], np.float32)) if terms.hard else None
        addresses = (0, sums.data_ptr(), 0 if excess is None else excess.data_ptr())
        held = (parameters, states, actions, sums, excess)
        _call(kernel, before, (actions.data_ptr(), *addresses), tuple(size[:3]), wanted[0], held)
        return sums, excess

    return score


def _require_sizes(
    wanted: tuple[int, int, int], parameters: Tensor, states: Tensor, actions: tuple[int, ...]
) -> None:
    weights, state_dim, action_dim = wanted
    systems = actions[0]
    if (
        parameters.shape != (systems, weights)
        or states.shape != (systems, state_dim)
        or actions[3] != action_dim
    ):
        raise InputError(
            f"rollout got parameters of shape {tuple(parameters.shape)}, states of "
            f"{tuple(states.shape)} and actions of {actions}; this network and state space want "
            f"(P, S, A) = {wanted}, and the same number of systems in all three."
        )


def _call(
    kernel: Kernel,
    before: tuple[Any, ...],
    addresses: tuple[int, ...],
    sizes: tuple[int, ...],
    weights: int,
    held: tuple[Tensor | None, ...],
) -> None:
    """Call the kernel, on several threads if that is worth it; `held` is what addresses are of."""
    tasks = np.zeros(1, dtype=np.int64)  # tiles taken
    arguments = (tasks, *before, *addresses, *sizes)
    helpers = torch.get_num_threads() - 1
    if helpers and sizes[0] * sizes[1] * sizes[2] * weights > WORTH_A_THREAD:
        # Whoever is free takes the next tile: a helper that gets no processor delays nobody. Each
        # holds the tensors, as an interrupt here must not free what another thread writes to.
        waiting = [_helpers(helpers).submit(_work, kernel, arguments, held) for _ in range(helpers)]
        _work(kernel, arguments, held)
        for helper in waiting:
            if not helper.cancel():
                helper.result()
    else:
        _work(kernel, arguments, held)


def _work(kernel: Kernel, arguments: tuple[Any, ...], held: tuple[Tensor | None, ...]) -> None:
    if kernel(*arguments) != 0:
        raise RuntimeError(
            "The compiled rollout is of another version than the sources around it; restart "
            "Python, and remove the package's __pycache__ folders if that does not help."
        )


@functools.cache
def _host_kernel() -> Kernel:
    return tile_kernel(host_shape())


@functools.lru_cache(maxsize=64)
def _table(spec: MLPSpec, space: StateSpace) -> tuple[NDArray[np.int64], tuple[int, int, int]]:
    """The description of a model that the kernel reads, and its P, S and A."""
    table = kernel_table(spec, space, SOURCE_VERSION)
    return table, (int(table[PARAMETERS]), int(table[STATE]), int(table[ACTION]))


@functools.cache
def _helpers(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="hyperdyn-rollout")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork, where there is one
    os.register_at_fork(after_in_child=_helpers.cache_clear)
