"""The reference rollout: plain torch, any dtype and device, differentiable."""

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.networks import ACTIVATIONS, MLPSpec, split_parameters
from hyperdyn.states import StateSpace


def rollout(
    spec: MLPSpec,
    space: StateSpace,
    parameters: Float[Tensor, "E P"],
    states: Float[Tensor, "E S"],
    actions: Float[Tensor, "E N H A"],
) -> Float[Tensor, "E N H+1 S"]:
    """Unroll δs = MLP(s, a), s ← s ⊕ δs for H steps (paper, section 3.3).

    Args:
        spec: The network, from (state inputs + A) to S.
        space: Composition ⊕ and the columns the network sees.
        parameters: Weights in physical units, one row a system.
        states: Where each system stands.
        actions: N candidate sequences for each system.

    Returns:
        Trajectories; index 0 along the time axis is the given state.
    """
    num_systems, samples, horizon, _ = actions.shape
    activation = ACTIVATIONS[spec.activation]
    layers = [(w.transpose(1, 2), b.unsqueeze(1)) for w, b in split_parameters(spec, parameters)]
    columns = space.input_columns().to(states.device)
    whole = len(columns) == space.dim
    current = states[:, None].expand(num_systems, samples, space.dim)
    trajectory = [current]
    for step in range(horizon):
        seen = current if whole else current[..., columns]
        hidden = torch.cat([seen, actions[:, :, step]], dim=-1)
        for weight, bias in layers[:-1]:
            hidden = activation(torch.baddbmm(bias, hidden, weight))
        weight, bias = layers[-1]
        current = space.compose(current, torch.baddbmm(bias, hidden, weight))
        trajectory.append(current)
    return torch.stack(trajectory, dim=2)
