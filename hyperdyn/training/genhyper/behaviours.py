"""Stretches of experts' behaviour in their tasks, recorded for the embedding."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.genhyper import Behaviour, EmbeddingConfig, mean_policies
from hyperdyn.networks import MLPSpec
from hyperdyn.training.experts.worlds import MetaWorlds, Worlds
from hyperdyn.training.seeds import seed_for


def record(
    family: str,
    tasks: Sequence[int],
    network: MLPSpec,
    actors: Float[Tensor, "T K P"],
    sizes: EmbeddingConfig,
    *,
    count: int,
    seed: int,
) -> Behaviour:
    """Let experts act in their tasks, without noise, and note how they begin and where they get.

    Args:
        family: Such as "cheetah-vel".
        tasks: Indices of published tasks, T of them.
        network: An actor.
        actors: K of each task, the latest last; the k-th last acts in the k-th episode, and all
            over again.
        sizes: n and M.
        count: N, episodes of each task.
        seed: Of how episodes begin.

    Returns:
        T · N stretches, those of a task one after the other. Actions are an episode's first n;
        the outcome is M states of its second half, evenly spaced to the last one.

    Raises:
        InputError: If episodes are too short for the sizes.
    """
    worlds = MetaWorlds(family, tasks)
    try:
        _require(sizes, worlds.horizon)
        found = [
            _episode(
                worlds,
                [seed_for(seed, "demonstrate", task, number) for task in tasks],
                network,
                actors[:, -1 - number % actors.shape[1]],
                sizes,
            )
            for number in range(count)
        ]
    finally:
        worlds.close()
    names = ("first", "actions", "outcome")
    return Behaviour(
        **{
            name: torch.stack([getattr(one, name) for one in found], 1).flatten(0, 1)
            for name in names
        }
    )


@torch.no_grad()
def _episode(
    worlds: Worlds,
    seeds: list[int],
    network: MLPSpec,
    actors: Float[Tensor, "T P"],
    sizes: EmbeddingConfig,
) -> Behaviour:
    """One episode of every task; a body that fell goes on lying there."""
    policy = mean_policies(network, actors)
    seen = np.stack([worlds.reset(row, seed) for row, seed in enumerate(seeds)])
    states, actions = [_tensor(seen)], []
    for _ in range(worlds.horizon):
        actions.append(policy.act(states[-1]))
        seen, _, _ = worlds.step(actions[-1].double().numpy())
        states.append(_tensor(seen))
    noted = torch.linspace(worlds.horizon // 2, worlds.horizon, sizes.outcomes).round().long()
    return Behaviour(
        first=states[0],
        actions=torch.stack(actions[: sizes.steps], 1),
        outcome=torch.stack([states[step] for step in noted.tolist()], 1),
    )


def _require(sizes: EmbeddingConfig, horizon: int) -> None:
    if sizes.steps > horizon or sizes.outcomes > horizon // 2:
        raise InputError(
            f"Episodes have {horizon} steps: too few for {sizes.steps} actions from the first on, "
            f"or for {sizes.outcomes} outcomes in the second half."
        )


def _tensor(values: np.ndarray) -> Tensor:
    return torch.as_tensor(values.copy(), dtype=torch.float32)
