"""What a state is made of: named fields, how a predicted change composes with it, normalisation."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hyperdyn.errors import InputError, require_known

KINDS = ("vector", "quaternion")
STD_FLOOR = 1e-6  # below this a column counts as constant


@dataclass(frozen=True, kw_only=True)
class Field:
    """A named stretch of the state vector."""

    name: str
    size: int = 1
    kind: str = "vector"
    """"vector" (changes add up) or "quaternion" (x, y, z, w; changes compose as rotations)."""
    relative: bool = False
    """Whether networks see it relative to the last state of the history (positions on ground that
    is the same everywhere): generated models are then invariant to where the system has got to."""
    context: bool = False
    """Whether it is kept out of the generated model's input (paper, section 3.1: orientation)."""

    def __post_init__(self) -> None:
        """Check kind and size."""
        require_known("field kind", self.kind, KINDS)
        if self.size < 1 or (self.kind == "quaternion" and self.size != 4):
            raise InputError(
                f"Field {self.name!r} of kind {self.kind!r} has size {self.size}; vectors need at "
                "least 1, quaternions exactly 4."
            )
        if self.kind == "quaternion" and self.relative:
            raise InputError(
                f"Field {self.name!r}: a quaternion cannot be relative; set it to False."
            )


@dataclass(frozen=True)
class StateSpace:
    """The fields of a state, in order.

    A change δs has the state's own width S. For vectors s ⊕ δs is the sum; for quaternions δs is
    a rotation written as its difference from the identity, so that 0 always means "no change", and
    s ⊕ δs = normalise(identity + δs) ⊗ s (paper, section 3.3).
    """

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        """Check that names are unique."""
        names = [field.name for field in self.fields]
        if not names or len(set(names)) != len(names):
            raise InputError(
                f"StateSpace fields are named {names}; give at least one, all different."
            )

    @functools.cached_property
    def dim(self) -> int:
        """S, the width of the state."""
        return sum(field.size for field in self.fields)

    @functools.cached_property
    def additive(self) -> bool:
        """Whether composition is plain addition."""
        return all(field.kind == "vector" for field in self.fields)

    def slice_of(self, name: str) -> slice:
        """Columns of a field.

        Raises:
            UnknownNameError: If there is no such field; lists the valid names.
        """
        require_known("state field", name, [field.name for field in self.fields])
        return next(columns for field, columns in self._columns() if field.name == name)

    def _columns(self) -> list[tuple[Field, slice]]:
        pairs, start = [], 0
        for field in self.fields:
            pairs.append((field, slice(start, start + field.size)))
            start += field.size
        return pairs

    def relative_mask(self) -> Float[Tensor, " S"]:
        """1 for columns seen relative to the last state of the history, else 0."""
        return torch.tensor([float(f.relative) for f in self.fields for _ in range(f.size)])

    @functools.cached_property
    def num_inputs(self) -> int:
        """Columns the generated model sees."""
        return sum(field.size for field in self.fields if not field.context)

    def input_columns(self) -> Int[Tensor, " I"]:
        """Indices of the columns the generated model sees."""
        keep = [not field.context for field in self.fields for _ in range(field.size)]
        return torch.tensor(keep).nonzero()[:, 0]

    def compose(
        self, states: Float[Tensor, "*batch S"], changes: Float[Tensor, "*batch S"]
    ) -> Float[Tensor, "*batch S"]:
        """S ⊕ δs."""
        if self.additive:
            return states + changes
        parts = []
        for field, columns in self._columns():
            state, change = states[..., columns], changes[..., columns]
            if field.kind == "quaternion":
                rotation = nn.functional.normalize(change + _identity(change), dim=-1)
                parts.append(nn.functional.normalize(_multiply(rotation, state), dim=-1))
            else:
                parts.append(state + change)
        return torch.cat(parts, dim=-1)

    def difference(
        self, states: Float[Tensor, "*batch S"], next_states: Float[Tensor, "*batch S"]
    ) -> Float[Tensor, "*batch S"]:
        """δs such that `compose(states, δs)` is `next_states`."""
        if self.additive:
            return next_states - states
        parts = []
        for field, columns in self._columns():
            state, following = states[..., columns], next_states[..., columns]
            if field.kind == "quaternion":
                conjugate = state * state.new_tensor([-1.0, -1.0, -1.0, 1.0])
                rotation = _multiply(following, conjugate)
                # q and -q are one rotation: take the one nearer to the identity.
                rotation = torch.where(rotation[..., 3:] < 0, -rotation, rotation)
                parts.append(rotation - _identity(rotation))
            else:
                parts.append(following - state)
        return torch.cat(parts, dim=-1)


def _identity(like: Tensor) -> Tensor:
    return like.new_tensor([0.0, 0.0, 0.0, 1.0])


def _multiply(left: Tensor, right: Tensor) -> Tensor:
    """Hamilton product of scalar-last quaternions: first `right`, then `left`."""
    lv, lw, rv, rw = left[..., :3], left[..., 3:], right[..., :3], right[..., 3:]
    vector = lw * rv + rw * lv + torch.linalg.cross(lv, rv)
    scalar = lw * rw - (lv * rv).sum(-1, keepdim=True)
    return torch.cat([vector, scalar], dim=-1)


class Normaliser(nn.Module):
    """Means and standard deviations of states, actions and changes, fitted once.

    Relative fields are measured relative to an anchor state, as networks see them. Once fitted it
    never changes: data stay raw, and a model means the same thing for its whole life.
    """

    def __init__(self, state_dim: int, action_dim: int) -> None:
        super().__init__()
        widths = {"state": state_dim, "action": action_dim, "change": state_dim}
        for name, width in widths.items():
            self.register_buffer(f"{name}_mean", torch.zeros(width))
            self.register_buffer(f"{name}_std", torch.ones(width))
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))

    state_mean: Tensor
    state_std: Tensor
    action_mean: Tensor
    action_std: Tensor
    change_mean: Tensor
    change_std: Tensor
    fitted: Tensor

    def fit(
        self,
        states: Float[Tensor, "_ S"],
        actions: Float[Tensor, "_ A"],
        changes: Float[Tensor, "_ S"],
    ) -> None:
        """Fit on training data; the states already relative where their field is.

        Raises:
            InputError: If it was fitted before, or the data are fewer than two rows or not finite.
        """
        if bool(self.fitted):
            raise InputError("This Normaliser is fitted; statistics never drift: make a new model.")
        samples: Sequence[tuple[str, Tensor]] = (
            ("state", states),
            ("action", actions),
            ("change", changes),
        )
        for name, values in samples:
            if len(values) < 2 or not bool(torch.isfinite(values).all()):
                raise InputError(
                    f"Normaliser.fit got {len(values)} rows of {name}s; it needs at least two, all "
                    "finite: drop diverged trajectories first."
                )
            wide = values.double()
            std = wide.std(0)
            # A column that never varied keeps its own unit as an input, and is predicted to stay.
            constant = STD_FLOOR if name == "change" else 1.0
            getattr(self, f"{name}_mean").copy_(wide.mean(0))
            getattr(self, f"{name}_std").copy_(torch.where(std < STD_FLOOR, constant, std))
        self.fitted.fill_(True)
