"""The reference rollout as captured CUDA graphs: all its small launches are sent off at once.

It serves what the fused kernel does not, networks too large for shared memory and other dtypes, at
the sizes where sending off some H · (2 · layers + 3) launches takes longer than running them. A
graph is captured for each network, state space and shape when it is first wanted, and a few are
kept. A replay copies the arguments into the graph's own tensors and its result out of them.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hyperdyn.networks import MLPSpec
from hyperdyn.rollout import reference
from hyperdyn.states import StateSpace

KEPT = 16
LARGEST = 1 << 24  # numbers in trajectories; beyond, launches are the lesser part, memory is not


@dataclass(frozen=True, eq=False)
class Recording:
    """A captured rollout: fill the inputs, replay, read the output."""

    inputs: tuple[Tensor, Tensor, Tensor]
    """Parameters, states and actions."""
    output: Tensor
    """Trajectories."""
    replay: Callable[[], None]
    """Computes the output from the inputs, on the current stream."""


Capture = Callable[[MLPSpec, StateSpace, tuple[Tensor, Tensor, Tensor]], Recording]


def capture(spec: MLPSpec, space: StateSpace, tensors: tuple[Tensor, Tensor, Tensor]) -> Recording:
    """Record the reference rollout of tensors of these shapes on their CUDA device."""
    parameters, states, actions = (tensor.clone() for tensor in tensors)
    # A captured rollout must not copy from the host, so the columns have to be there before.
    placed = _Placed(space.fields, space.input_columns().to(states.device))
    with torch.no_grad(), torch.cuda.device(states.device):
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):  # libraries set themselves up on their first calls
            for _ in range(2):
                reference.rollout(spec, placed, parameters, states, actions)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            output = reference.rollout(spec, placed, parameters, states, actions)
    return Recording((parameters, states, actions), output, graph.replay)


class GraphRollouts:
    """Rollouts by recordings of earlier ones; the least recently used are forgotten.

    Args:
        capture: Makes a recording.
        kept: How many are kept.
    """

    def __init__(self, capture: Capture = capture, kept: int = KEPT) -> None:
        self._capture = capture
        self._kept = kept
        self._recordings: OrderedDict[Hashable, Recording] = OrderedDict()
        self._lock = threading.Lock()  # a recording's tensors are one caller's at a time

    def __len__(self) -> int:
        """Recordings held."""
        return len(self._recordings)

    def rollout(
        self,
        spec: MLPSpec,
        space: StateSpace,
        parameters: Float[Tensor, "E P"],
        states: Float[Tensor, "E S"],
        actions: Float[Tensor, "E N H A"],
    ) -> Float[Tensor, "E N H+1 S"] | None:
        """Roll E generated models forward; the arguments are those of `reference.rollout`.

        Returns:
            Trajectories, without gradients. None where a graph has no use: states whose changes
            are not sums, empty rollouts, and such as are large enough to keep the device busy.
        """
        E, N, H, _ = actions.shape
        if not space.additive or not 0 < E * N * (H + 1) * space.dim <= LARGEST:
            return None
        tensors = (parameters, states, actions)
        key = (spec, space, actions.shape, actions.dtype, actions.device, _stream(actions.device))
        with self._lock:
            recording = self._recordings.pop(key, None) or self._capture(spec, space, tensors)
            self._recordings[key] = recording
            while len(self._recordings) > self._kept:
                self._recordings.popitem(last=False)
            for mine, given in zip(recording.inputs, tensors, strict=True):
                mine.copy_(given)
            recording.replay()
            return recording.output.clone()


@dataclass(frozen=True, eq=False)
class _Placed(StateSpace):
    """A state space that has the columns which the network sees on a device."""

    columns: Int[Tensor, " I"]

    def input_columns(self) -> Int[Tensor, " I"]:
        """Indices of the columns the generated model sees."""
        return self.columns


def _stream(device: torch.device) -> int:
    """The stream that work goes to: replays on two streams would share a recording's tensors."""
    return torch.cuda.current_stream(device).cuda_stream if device.type == "cuda" else 0


rollout = GraphRollouts().rollout
