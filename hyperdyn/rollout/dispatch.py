"""Choosing the backend that rolls a generated model forward."""

from jaxtyping import Float
from torch import Tensor

from hyperdyn.networks import MLPSpec
from hyperdyn.rollout import reference
from hyperdyn.states import StateSpace


def rollout(
    spec: MLPSpec,
    space: StateSpace,
    parameters: Float[Tensor, "E P"],
    states: Float[Tensor, "E S"],
    actions: Float[Tensor, "E N H A"],
) -> Float[Tensor, "E N H+1 S"]:
    """Roll E generated models forward; the arguments are those of `reference.rollout`.

    Every backend returns what the reference returns, within float32 rounding. The torch reference
    serves every dtype, device and composition, so it is the one that always applies.
    """
    return reference.rollout(spec, space, parameters, states, actions)
