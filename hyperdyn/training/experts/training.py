"""Training experts in a folder, and writing the actors kept."""

from collections.abc import Callable
from pathlib import Path

import torch

from hyperdyn.envs.meta import FAMILIES
from hyperdyn.storage import is_written
from hyperdyn.training.experts.configs import ExpertsConfig
from hyperdyn.training.experts.lockstep import LockstepRun, make_learner
from hyperdyn.training.experts.policies import (
    ExpertPolicies,
    PoliciesMeta,
    task_folder,
)
from hyperdyn.training.experts.rounds import Round
from hyperdyn.training.experts.worlds import MetaWorlds
from hyperdyn.training.run_folder import RUN_FILE, open_run


def collect_policies(
    config: ExpertsConfig,
    out: Path,
    *,
    device: torch.device | str = "cpu",
    on_steps: Callable[[int], object] = lambda steps: None,
) -> None:
    """Train the experts of a run, or go on where it was stopped, and write the actors kept.

    A folder `policies/task-NN` a task gets its actors as one array, with a checksum; see
    `LockstepRun` for what else stands beside them.

    Args:
        config: The run.
        out: Its folder: new, empty, or one begun with the same configuration.
        device: Where to learn; the environments are simulated on the CPU.
        on_steps: Told how many steps were made of all tasks together; at once of those found.

    Raises:
        CheckpointError: If `out` holds something else, or cannot be written.
        HyperdynError: If a task's weights are no longer finite.
    """
    open_run(config, out, resume=(out / RUN_FILE).exists())
    if all(is_written(task_folder(out, task)) for task in config.tasks):
        on_steps(config.steps * len(config.tasks))
        return
    worlds = MetaWorlds(config.family, config.tasks)
    try:
        learner = make_learner(config, worlds, device)
        _ExpertsRun(config, out, worlds, learner, device).finish(on_steps)
    finally:
        worlds.close()


def make_round(config: ExpertsConfig, number: int) -> Round:
    """A round of a run, by its number."""
    return Round(
        rows=config.rows,
        number=number,
        steps=config.round_steps,
        learning_starts=config.learning_starts,
        keeps=lambda made: made in _kept_steps(config),
    )


def _kept_steps(config: ExpertsConfig) -> range:
    return range(config.kept_from, config.steps + 1, config.kept_every)


class _ExpertsRun(LockstepRun[ExpertsConfig]):
    def _round(self, number: int) -> Round:
        return make_round(self._config, number)

    def _write(self) -> None:
        """Write the actors of every task, put together from all rounds."""
        config, family = self._config, FAMILIES[self._config.family]
        kept = self._kept()
        returns, spec = self._evaluate(), self._learner.actor_spec
        for row, task in enumerate(config.tasks):
            meta = PoliciesMeta(
                family=family.name,
                task=task,
                value=family.values[task],
                split="test" if task in family.test else "train",
                sizes=spec.sizes,
                activation=spec.activation,
                steps=tuple(_kept_steps(config)),
                returns=tuple(returns[row].tolist()),
            )
            ExpertPolicies(meta=meta, actors=kept[row]).write(self._out)
