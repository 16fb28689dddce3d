"""Small policy generators, and small families of tasks whose experts are known."""

import json

import torch

from hyperdyn.policies import POLICIES, Demonstrated, build_policy_generator
from hyperdyn.storage import to_config, write_folder
from hyperdyn.training.demonstrations.configs import DemonstrationConfig
from hyperdyn.training.demonstrations.dataset import (
    DESCRIPTION_FILE,
    KIND,
    TENSORS,
    DemonstrationMeta,
    Demonstrations,
    shard_folder,
)

OBSERVATION, ACTION = 3, 2
SIZES = {
    "condition_dim": 1,
    "observation_dim": OBSERVATION,
    "action_dim": ACTION,
    "embedding_dim": 16,
}
SMALL = {
    "hypogen_raw": {"blocks": 3, "code_dim": 8, "codec_hidden": 16, "block_hidden": 16},
    "hypogen_latent": {"blocks": 3, "code_dim": 8, "codec_hidden": 16, "block_hidden": 16},
    "pearl": {"encoder_hidden": (32,), "context": 16},
}
"""Of a kind, the fields of its own that are made small."""


def small(kind, **changes):
    own = dict(SMALL.get(kind, {}))
    if kind.startswith("hypogen"):
        own["thought_width"] = 5
    return POLICIES[kind].config_type(**{**SIZES, "hidden": (8,), **own, **changes})


def built(kind, seed=0, **changes):
    generator = torch.Generator().manual_seed(seed)
    return build_policy_generator(kind, small(kind, **changes), generator=generator)


def fitted(kind, seed=0, **changes):
    model = built(kind, seed, **changes)
    conditions, shown = linear_tasks(torch.linspace(-10, 10, 5))
    model.standardiser.fit(conditions, shown.observations.flatten(0, 1))
    return model


def linear_tasks(speeds, count=32, seed=0):
    """Specifications and demonstrations of a = W(c) o, within ±1."""
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, ACTION, OBSERVATION, generator=torch.Generator().manual_seed(7))
    observations = 2 + 3 * torch.randn(len(speeds), count, OBSERVATION, generator=generator)
    matrix = first + speeds[:, None, None] / 8 * second
    actions = torch.tanh((observations - 2) / 3 @ matrix.mT)
    following = observations + 1
    values = torch.rand(len(speeds), count, generator=generator)
    shown = Demonstrated(
        observations=observations, actions=actions, following=following, values=values
    )
    return speeds[:, None], shown


def demonstrations(trajectories=2, steps=60, seed=0, spoil=None):
    """All 40 speeds of the cheetah's task, with observations and actions of `linear_tasks`."""
    speeds = torch.cat([torch.arange(-20, 0), torch.arange(1, 21)]) / 2
    conditions, shown = linear_tasks(speeds, trajectories * steps, seed)
    tensors = {
        "observations": shown.observations.unflatten(1, (trajectories, steps)),
        "actions": shown.actions.unflatten(1, (trajectories, steps)),
        "rewards": shown.values.unflatten(1, (trajectories, steps)),
    }
    if spoil is not None:
        spoil(tensors)
    return Demonstrations(
        specifications=conditions,
        names=("speed",),
        ids=tuple(range(40)),
        meta=DemonstrationMeta(
            task="cheetah-speed",
            env_id="hyperdyn/SuiteCheetahSpeed-v0",
            expert="planner",
            settings={},
            reward_scale=float(steps),
        ),
        **tensors,
    )


def write_demonstrations(folder, ids, **changes):
    """Some of `demonstrations` as `Demonstrations.read` finds them."""
    source = demonstrations(**changes)
    trajectories, steps = source.rewards.shape[1:]
    config = DemonstrationConfig(
        task="cheetah-speed", expert="planner", trajectories=trajectories, steps=steps, ids=ids
    )
    folder.mkdir()
    description = {"config": to_config(config), "expert": {}}
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description))
    for row in ids:
        shard = {name: getattr(source, name)[row] for name in TENSORS}
        write_folder(shard_folder(folder, row), KIND, {}, shard)
    return folder
