"""Demonstrations as data to learn dynamics from: played again, and a run's first round."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from hyperdyn.envs import make
from hyperdyn.envs.suite.grids import GRIDS
from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.generators import build_generator
from hyperdyn.storage import is_written, read_folder
from hyperdyn.training.configs import TrainConfig
from hyperdyn.training.demonstrations.dataset import (
    KIND,
    Demonstrations,
    read_description,
    read_shard,
    shard_folder,
)
from hyperdyn.training.episodes import Episodes, concatenate, json_context
from hyperdyn.training.groups import collect_round
from hyperdyn.training.policies.transitions import digest
from hyperdyn.training.run_folder import RUN_FILE, open_run
from hyperdyn.training.seeds import seed_for
from hyperdyn.training.suite_states import learnable

SPLIT = 0
"""The split whose training specifications runs draw their systems from; no other is shown."""
SHOWN_FILE = "shown.json"
FIRST_ROUND = "data/0000"


def replayed(folder: Path, ids: Sequence[int], steps: int) -> Episodes:
    """Play what was demonstrated again, and record the states that dynamics are learnt in.

    Demonstrations keep what policies see. That is not all of a state, so their actions are done
    anew from where they began; on another machine the states may drift away from those shown, but
    are what the actions bring all the same.

    Args:
        folder: Of the demonstrations.
        ids: Specifications.
        steps: T, of an episode recorded here: longer demonstrations are cut into even pieces.

    Raises:
        CheckpointError: If the demonstrations cannot be read.
    """
    config, _ = read_description(folder)
    grid = GRIDS[config.task]
    env = learnable(make(grid.env_id))
    parts = []
    for row in ids:
        actions = read_shard(folder, config, row)["actions"]
        attempts = read_folder(shard_folder(folder, row), KIND)[0]["attempts"]
        options = dict(zip(grid.names, grid.values()[row].tolist(), strict=True))
        for number, chosen in enumerate(actions):
            begun = seed_for(config.seed, "demonstrate", row, number, attempts[number] - 1)
            first, info = env.reset(seed=begun, options=options)
            states, rewards = [_tensor(first)], []
            for action in chosen:
                state, reward, diverged, _, _ = env.step(action.numpy())
                if diverged:
                    break
                states.append(_tensor(state))
                rewards.append(float(reward))
            context = json_context(info["context"])
            length, pieces = len(rewards), -(-len(rewards) // steps)
            ends = [length * (piece + 1) // pieces for piece in range(pieces)]
            for start, end in itertools.pairwise((0, *ends)):
                parts.append(
                    Episodes(
                        states=_padded(torch.stack(states[start : end + 1]), steps + 1)[None],
                        actions=_padded(chosen[start:end], steps)[None],
                        rewards=_padded(torch.tensor(rewards[start:end]), steps)[None],
                        lengths=torch.tensor([end - start]),
                        contexts=(context,),
                    )
                )
    env.close()
    return concatenate(parts)


def begin_with_demonstrations(config: TrainConfig, out: Path, folder: Path) -> None:
    """Begin an on-policy run whose first round has demonstrations beside its random episodes.

    Those of the training specifications of split 0 alone, as the rounds to come draw their systems
    from no others. `train(config, out, resume=True)` goes on from there.

    Args:
        config: The run.
        out: Its folder: new, or begun with the same demonstrations.
        folder: Of the demonstrations.

    Raises:
        InputError: If they are of another task, or show no training specification.
        CheckpointError: If the folder holds another run, or one that was begun without them.
    """
    source = Demonstrations.read(folder)
    if source.meta.env_id != config.env_id:
        raise InputError(
            f"{folder} shows {source.meta.task}; the run is about {config.env_id}. Choose a preset "
            f"that begins with {source.meta.task}."
        )
    rows = source.split(SPLIT)[0]
    if not rows:
        raise InputError(f"{folder} shows no training specification of split {SPLIT}.")
    open_run(config, out, resume=(out / RUN_FILE).exists())
    _keep_record(out, digest(source))
    if is_written(out / FIRST_ROUND):
        return
    model = build_generator(config.kind, config.model, generator=torch.Generator())
    tried = collect_round(config, model, 0, out, label="round 1")
    shown = replayed(folder, [source.ids[row] for row in rows], config.steps)
    concatenate([tried, shown]).save(out / FIRST_ROUND)


def _keep_record(out: Path, word: str) -> None:
    file = out / SHOWN_FILE
    if not file.exists() and not is_written(out / FIRST_ROUND):
        file.write_text(json.dumps({"demonstrations": word}) + "\n")
    found = json.loads(file.read_text()) if file.exists() else {}
    if found.get("demonstrations") != word:
        raise CheckpointError(
            f"{out} was begun with other demonstrations, or with none; name another folder."
        )


def _padded(values: Tensor, length: int) -> Tensor:
    """As many rows as wanted, the last one repeated."""
    return torch.cat([values, values[-1:].expand(length - len(values), *values.shape[1:])])


def _tensor(state: object) -> Tensor:
    return torch.as_tensor(state, dtype=torch.float32)
