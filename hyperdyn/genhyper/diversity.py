"""How much the samples of one task differ in what they do and in what comes of it."""

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.policies.generated import GeneratedPolicy


@torch.no_grad()
def behaviour_spread(
    policy: GeneratedPolicy, count: int, observations: Float[Tensor, "N O"]
) -> Float[Tensor, " E"]:
    """How far apart the actions of a task's samples are, in the same states.

    Args:
        policy: E · L policies, the L of a task one after the other, as `PolicySampler.sample` has
            them.
        count: L, at least 2.
        observations: States to compare them in, raw; those that an expert of the task meets say
            most. The same for all tasks.

    Returns:
        Of each task, the root of the mean over states and actions of the variance across samples
        (with L - 1): 0 for equal policies; no more than sqrt(L / (L - 1)), actions lying in
        [-1, 1].

    Raises:
        InputError: If the policies are not a multiple of L, or L is less than 2.
    """
    if count < 2 or policy.num_policies % count:
        raise InputError(
            f"Got {policy.num_policies} policies as samples of {count} for each task; give at "
            "least 2 for each, and all of them."
        )
    actions = policy.act(observations.expand(policy.num_policies, -1, -1))
    samples = actions.double().unflatten(0, (-1, count))
    spread: Tensor = samples.var(1).mean((1, 2)).sqrt().float()
    return spread


def return_spread(returns: Float[Tensor, "E L"]) -> Float[Tensor, " E"]:
    """Standard deviation of the samples' returns, with L - 1, of each task.

    Args:
        returns: Of each sample; means over episodes that all of them began alike, or the spread
            is also that of the beginnings.

    Raises:
        InputError: If there are fewer than two samples.
    """
    if returns.ndim != 2 or returns.shape[1] < 2:
        raise InputError(
            f"The returns have shape {tuple(returns.shape)}; (E, L) with at least 2 samples of "
            "each task is wanted."
        )
    return returns.std(1)
