"""How good generated policies are: their returns, and how near they come to an expert's actions."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn import envs
from hyperdyn.errors import InputError
from hyperdyn.policies import GeneratedPolicy, HyPoGen, PolicyGenerator
from hyperdyn.training.policies.reference import Reference
from hyperdyn.training.seeds import seed_for


def generate(model: PolicyGenerator, source: Reference, rows: Sequence[int]) -> GeneratedPolicy:
    """A policy for each of some specifications; few-shot methods are shown what experts did there.

    Args:
        model: Generator.
        source: Specifications and what experts did.
        rows: Which.
    """
    support = source.of(rows) if model.needs_support else None
    return model.generate(source.specifications[list(rows)], support)


def policy_returns(
    policy: GeneratedPolicy,
    source: Reference,
    rows: Sequence[int],
    *,
    episodes: int,
    seed: int,
) -> Float[np.ndarray, "E R"]:
    """Undiscounted returns in the task's environment, with nothing added to the actions.

    Episodes begin alike for every policy, by the seed, the specification and the episode's number.

    Args:
        policy: One for each specification.
        source: What says which environment and specifications these are.
        rows: Which specifications.
        episodes: R, of each.
        seed: Of the beginnings.

    Raises:
        InputError: If there is not a policy for each specification.
    """
    if policy.num_policies != len(rows) or episodes < 1:
        raise InputError(
            f"Got {policy.num_policies} policies for {len(rows)} specifications and {episodes} "
            "episodes; give one for each, and at least one episode."
        )
    env = envs.make(source.meta.env_id)
    found = np.zeros((len(rows), episodes))
    for index, row in enumerate(rows):
        values = source.specifications[row].tolist()
        options = dict(zip(source.names, values, strict=True))
        own = policy[index]
        for episode in range(episodes):
            begun = seed_for(seed, "evaluate", source.ids[row], episode)
            observation, _ = env.reset(seed=begun, options=options)
            over = False
            while not over:
                seen = torch.as_tensor(observation, dtype=torch.float32)
                action = own.act(seen[None])[0].numpy()
                observation, reward, terminated, truncated, _ = env.step(action)
                found[index, episode] += float(reward)
                over = terminated or truncated
    env.close()
    return found


@torch.no_grad()
def cloning_errors(
    model: PolicyGenerator, source: Reference, rows: Sequence[int]
) -> Float[Tensor, " E"]:
    """Mean squared error of actions on each specification."""
    policy = generate(model, source, rows)
    shown = source.of(rows)
    return (policy.act(shown.observations) - shown.actions).square().mean((1, 2))


@torch.no_grad()
def stage_errors(
    model: HyPoGen, source: Reference, rows: Sequence[int]
) -> Float[Tensor, "stages E"]:
    """The same before the first update and after every one (HyPoGen, table 4)."""
    conditions = model.standardiser.conditions(source.specifications[list(rows)])
    shown = source.of(rows)
    return torch.stack([model.cloning_error(own, shown) for own in model.stages(conditions)])
