"""What was watched: the last K states and actions of each of E systems."""

from collections import deque
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError


@dataclass(frozen=True)
class History:
    """The K most recent (state, action) pairs of E systems, oldest first, the current one excluded.

    This is τ = (s_{t-K}, a_{t-K}, …, s_{t-1}, a_{t-1}) of the paper's section 3.2.

    Raises:
        InputError: If the two tensors do not belong together, are not floating point, or hold a
            non-finite number.
    """

    states: Float[Tensor, "E K S"]
    """States, SI units."""
    actions: Float[Tensor, "E K A"]
    """The action taken in each of them."""

    def __post_init__(self) -> None:
        """Check that the two tensors belong together and are finite."""
        states, actions = self.states, self.actions
        if states.ndim != 3 or actions.ndim != 3 or states.shape[:2] != actions.shape[:2]:
            raise InputError(
                f"History got states {tuple(states.shape)} and actions {tuple(actions.shape)}; "
                "give (E, K, S) and (E, K, A) with the same E and K (add a leading axis of 1 for "
                "one system)."
            )
        if not states.is_floating_point() or states.dtype != actions.dtype:
            raise InputError(
                f"History got states of {states.dtype} and actions of {actions.dtype}; give both "
                "in one floating-point type, e.g. with .float()."
            )
        if states.device != actions.device:
            raise InputError(
                f"History got states on {states.device} and actions on {actions.device}; move both "
                "to one device with .to(device)."
            )
        for name, tensor in (("states", states), ("actions", actions)):
            bad = ~torch.isfinite(tensor)
            if bool(bad.any()):
                system, step, column = (int(i) for i in bad.nonzero()[0])
                raise InputError(
                    f"History {name} hold {int(bad.sum())} non-finite numbers, the first at system "
                    f"{system}, step {step}, column {column}; drop that system or watch it again."
                )

    def __getitem__(self, index: int | slice | Tensor) -> "History":
        """Select systems; an integer keeps the leading axis."""
        if isinstance(index, int):
            index = slice(index, index + 1) if index != -1 else slice(-1, None)
        return History(self.states[index], self.actions[index])


class HistoryBuffer:
    """Collects histories while E systems run in lockstep.

    Args:
        num_systems: E.
        length: K, the number of pairs kept.
    """

    def __init__(self, num_systems: int, length: int) -> None:
        self.num_systems = num_systems
        self.length = length
        self._pairs: deque[tuple[Tensor, Tensor]] = deque(maxlen=length)

    def append(self, states: Float[Tensor, "E S"], actions: Float[Tensor, "E A"]) -> None:
        """Add the pair just executed: the state each system was in and the action it took.

        Raises:
            InputError: If the number of systems differs from the buffer's.
        """
        if len(states) != self.num_systems or len(actions) != self.num_systems:
            raise InputError(
                f"HistoryBuffer of {self.num_systems} systems got {len(states)} states and "
                f"{len(actions)} actions; give one of each per system."
            )
        self._pairs.append((states.clone(), actions.clone()))

    @property
    def full(self) -> bool:
        """Whether K pairs have been seen."""
        return len(self._pairs) == self.length

    def history(self) -> History:
        """The last K pairs.

        Raises:
            InputError: If fewer than K pairs have been seen.
        """
        if not self.full:
            raise InputError(
                f"HistoryBuffer holds {len(self._pairs)} of the {self.length} steps a history "
                "needs; run the system (with random actions, say) until .full is true."
            )
        states, actions = zip(*self._pairs, strict=True)
        return History(torch.stack(states, dim=1), torch.stack(actions, dim=1))

    def reset(self) -> None:
        """Forget everything."""
        self._pairs.clear()
