"""Candidates that cannot be trusted: finding them, and ranking them below all others."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.planners._native import compiled, serves
from hyperdyn.planners._scores import Scores
from hyperdyn.planners.box import ActionBox


def require_shape(
    what: str, value: object, wanted: tuple[int, ...], axes: str, mend: str
) -> Tensor:
    """Return `value` if it is a tensor of the shape wanted.

    Args:
        what: Who made the value, as it opens a sentence ("The objective returned").
        value: What was handed over.
        wanted: Its shape, if all is well.
        axes: The names of the axes ("E, N").
        mend: What to do about it, as it ends a sentence.

    Raises:
        InputError: If it is anything else.
    """
    if isinstance(value, Tensor) and tuple(value.shape) == wanted:
        return value
    given = (
        f"a tensor of shape {tuple(value.shape)}"
        if isinstance(value, Tensor)
        else f"a {type(value).__name__}"
    )
    raise InputError(f"{what} {given}; wanted shape ({axes}) = {wanted}: {mend}.")


def finite_rows(values: Float[Tensor, "E N *rest"]) -> Bool[Tensor, "E N"]:
    """Tell which candidates hold finite numbers only, without a copy of the tensor."""
    flat = values.flatten(start_dim=2)
    if flat.device.type == "cpu":
        # The usual case in one pass: a sum that is finite has finite terms.
        finite = flat.sum(dim=-1).isfinite()
        if finite.all():
            return finite
    return flat.amax(dim=-1).isfinite() & flat.amin(dim=-1).isfinite()


def admit(actions: Float[Tensor, "E N H A"], box: ActionBox) -> Bool[Tensor, "E N"] | None:
    """Clip candidates into the bounds, in place; what is not finite becomes zero before that.

    Returns:
        Which candidates were finite; None if all were.
    """
    native = compiled(actions)
    if native is None:
        sound = finite_rows(actions)
        box.clip(actions)
        return None if sound.all() else sound
    low, high = box.bounds
    sound = torch.empty(actions.shape[:2], dtype=torch.bool)
    everything = native.clip(
        actions.data_ptr(),
        low.data_ptr(),
        high.data_ptr(),
        sound.data_ptr(),
        sound.numel(),
        low.numel(),
    )
    return None if everything else sound


class Leaders:
    """The best candidate of each system so far, and how many could not be ranked.

    The lesser violation of the hard constraints leads, then the greater return.
    """

    def __init__(self, box: ActionBox) -> None:
        """Start without any."""
        systems, like = box.systems, box.low
        self.actions = like.new_empty((systems, box.horizon, len(like)))
        """The best plans [E, H, A]; no numbers yet where the return is minus infinity."""
        self.returns = like.new_full((systems,), -math.inf)
        """Their returns [E]; minus infinity before any candidate is ranked."""
        self.violations, self.unranked = like.new_zeros((2, systems)).unbind()
        """Their violations [E], and candidates [E] of each system that were not finite."""
        own = (self.actions, self.returns, self.violations, self.unranked)
        self.addresses = tuple(tensor.data_ptr() for tensor in own) if serves(*own) else None
        """Of all of them, in this order, where compiled code may write to them."""

    def stand_in(self, actions: Float[Tensor, "E H A"]) -> None:
        """Take plans for the systems in which nothing was ranked."""
        self.actions[:] = torch.where(self.returns.isneginf()[:, None, None], actions, self.actions)

    def compete(self, actions: Float[Tensor, "E N H A"], scores: Scores) -> None:
        """Let a round of candidates compete; a return of minus infinity never wins."""
        returns, violations = scores.returns, scores.violations
        E, N = returns.shape
        native = compiled(actions, returns) if self.addresses else None
        if native is not None and self.addresses is not None:
            native.lead(
                actions.data_ptr(),
                returns.data_ptr(),
                0 if violations is None else violations.contiguous().data_ptr(),
                *self.addresses,
                E,
                N,
                self.actions.shape[1] * self.actions.shape[2],
            )
            return
        excess = torch.zeros_like(returns) if violations is None else violations
        ranked = ~returns.isneginf()
        least = excess.where(ranked, math.inf).amin(dim=1)
        top, index = returns.where(ranked & (excess == least[:, None]), -math.inf).max(dim=1)
        better = ~top.isneginf() & (
            self.returns.isneginf()
            | (least < self.violations)
            | ((least == self.violations) & (top > self.returns))
        )
        best = actions[torch.arange(E, device=actions.device), index]
        self.actions = torch.where(better[:, None, None], best, self.actions)
        self.returns = torch.where(better, top, self.returns)
        self.violations = torch.where(better, least, self.violations)
        self.unranked = self.unranked + returns.isneginf().sum(dim=1)
