"""The fused CPU rollout of float32 models whose states add up.

Importing this module loads numba. The kernel is compiled when it is first called, or read from
numba's cache on disk; candidates give the same bits on every call, whatever stands beside them and
however many threads share the work.
"""

import functools
import os
from array import array
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
from hyperdyn.rollout.cpu_tiles import SOURCE_VERSION, Kernel, native_code, tile_kernel
from hyperdyn.states import StateSpace
from hyperdyn.terms import TermTable

NOTHING = TermTable.of(())
WORTH_INLINING = 500_000_000  # multiply-adds of a round; beyond, calls between rounds cost nothing
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
    given, start, candidates, written = (tensor.data_ptr() for tensor in held)
    before = (table, *NOTHING.addresses, given, start)
    _call(kernel, before, (candidates, written, 0, 0), (E, N, H), wanted[0], held)
    return out


class Scorer:
    """Sums an objective up while E generated models roll forward, keeping no trajectory.

    What does not change from call to call is done when it is made: for a small plan that is most of
    it.

    Args:
        spec: As `rollout`, and so on to `states`.
        space: The columns the network sees.
        parameters: Weights.
        states: Where each system stands.
        terms: The objective.
        shape: Register block of the kernel; that of this processor if None.

    Raises:
        InputError: As `rollout`.
    """

    def __init__(
        self,
        spec: MLPSpec,
        space: StateSpace,
        parameters: Float[Tensor, "E P"],
        states: Float[Tensor, "E S"],
        terms: TermTable,
        shape: Shape | None = None,
    ) -> None:
        table, self._wanted = _table(spec, space)
        _require_sizes(self._wanted, parameters, states, (len(states), 0, 0, self._wanted[2]))
        self._kernel = tile_kernel(shape) if shape else _host_kernel()
        self._parameters, self._states = parameters.contiguous(), states.contiguous()
        self._terms = terms
        self.arguments = (
            table,
            *terms.addresses,
            self._parameters.data_ptr(),
            self._states.data_ptr(),
        )
        """What the kernel gets between its tasks and the candidates, while this object lives."""

    def __call__(
        self, actions: Float[Tensor, "E N H A"]
    ) -> tuple[Float[Tensor, "E N"], Float[Tensor, "E N"] | None]:
        """Score candidates.

        Returns:
            Returns, and violations if the objective has hard terms; minus and plus infinity for a
            candidate that is not finite.

        Raises:
            InputError: If there are not as many systems, or actions of another width.
        """
        E, N, H, A = actions.shape
        if len(self._states) != E or self._wanted[2] != A:
            _require_sizes(self._wanted, self._parameters, self._states, (E, N, H, A))
        actions = actions.contiguous()
        # From numpy: for a small plan, two calls of torch.empty are a tenth of the time.
        sums = torch.from_numpy(np.empty((E, N), np.float32))
        excess = torch.from_numpy(np.empty((E, N), np.float32)) if self._terms.hard else None
        violations = 0 if excess is None else excess.data_ptr()
        addresses = (actions.data_ptr(), 0, sums.data_ptr(), violations)
        held = (self, actions, sums, excess)
        _call(self._kernel, self.arguments, addresses, (E, N, H), self._wanted[0], held)
        return sums, excess

    def inline(self, samples: int, horizon: int) -> int | None:
        """Machine code that compiled planners call for returns; None: not worth it, or not enough.

        It is `cpu_tiles.native_code`. Large rollouts, which threads or Ctrl-C may divide, are left
        to calls of this object, and so are those with violations.
        """
        work = len(self._states) * samples * horizon * self._wanted[0]
        if self._terms.hard or work > WORTH_INLINING:
            return None
        if work > WORTH_A_THREAD and torch.get_num_threads() > 1:
            return None
        return _host_code()


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
    held: tuple[object, ...],
) -> None:
    """Call the kernel, on several threads if that is worth it; `held` is what addresses are of."""
    taken = array("q", [0])  # tiles
    arguments = (taken.buffer_info()[0], *before, *addresses, *sizes)
    held = (taken, *held)
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


def _work(kernel: Kernel, arguments: tuple[Any, ...], held: tuple[object, ...]) -> None:
    if kernel(*arguments) != 0:
        raise RuntimeError(
            "The compiled rollout is of another version than the sources around it; restart "
            "Python, and remove the package's __pycache__ folders if that does not help."
        )


@functools.cache
def _host_kernel() -> Kernel:
    return tile_kernel(host_shape())


@functools.cache
def _host_code() -> int:
    return native_code(_host_kernel())


_tables: list[NDArray[np.int64]] = []


@functools.cache
def _table(spec: MLPSpec, space: StateSpace) -> tuple[int, tuple[int, int, int]]:
    """Address of the description of a model that the kernel reads, and its P, S and A."""
    table = kernel_table(spec, space, SOURCE_VERSION)
    _tables.append(table)  # a row of integers for each kind of model, for as long as we live
    return table.ctypes.data, (int(table[PARAMETERS]), int(table[STATE]), int(table[ACTION]))


@functools.cache
def _helpers(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="hyperdyn-rollout")


if hasattr(os, "register_at_fork"):  # threads do not survive a fork, where there is one
    os.register_at_fork(after_in_child=_helpers.cache_clear)
