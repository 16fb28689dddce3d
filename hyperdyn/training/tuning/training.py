"""Fine-tuning in a folder: all tasks and repetitions one batch."""

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.storage import is_written
from hyperdyn.training.experts.learner import BatchedSAC
from hyperdyn.training.experts.lockstep import LockstepRun, make_learner
from hyperdyn.training.experts.rounds import Round
from hyperdyn.training.experts.worlds import MetaWorlds
from hyperdyn.training.metrics import read_metrics
from hyperdyn.training.run_folder import RUN_FILE, open_run
from hyperdyn.training.tuning.configs import TuningConfig
from hyperdyn.training.tuning.tuned import Tuned, TunedMeta, tuned_folder


def tune(
    config: TuningConfig,
    out: Path,
    start: Float[Tensor, "R P"] | None,
    *,
    device: torch.device | str = "cpu",
    on_steps: Callable[[int], object] = lambda steps: None,
) -> Tuned:
    """Learn on from actors, or from scratch, or go on where a run was stopped.

    The critics know nothing at first. Evaluations come before the first round and every
    `evaluate_every` rounds, on the same episodes in every run of the same seed. See `LockstepRun`
    for what stands in the folder.

    Args:
        config: The run.
        out: Its folder: new, empty, or one begun with the same configuration.
        start: An actor for each of `config.rows`, flat as `hyperdyn.networks` lays weights out;
            None if `config` says from scratch.
        device: Where to learn; the environments are simulated on the CPU.
        on_steps: Told how many steps were made of all rows together; at once of those found.

    Returns:
        The actors as they ended, and their returns along the way.

    Raises:
        CheckpointError: If `out` holds something else, or cannot be written.
        InputError: If the actors do not fit the configuration.
        HyperdynError: If weights are no longer finite.
    """
    if (start is None) != (config.tuning is None):
        raise InputError("Give actors to start from just if the configuration names their model.")
    worlds = MetaWorlds(config.family, [task for task, _ in config.rows])
    try:
        learner = make_learner(config, worlds, device, config.tuning)
        if start is not None:
            _begin_from(learner[0], start)
        open_run(config, out, resume=(out / RUN_FILE).exists())
        if is_written(tuned_folder(out)):
            on_steps(config.steps * len(config.rows))
        else:
            _TuningRun(config, out, worlds, learner, device).finish(on_steps)
    finally:
        worlds.close()
    return Tuned.read(out)


def _begin_from(learner: BatchedSAC, start: Float[Tensor, "R P"]) -> None:
    if start.shape != learner.actors.shape:
        raise InputError(
            f"The actors to start from have shape {tuple(start.shape)}; this run wants "
            f"{tuple(learner.actors.shape)}: a row for each task and repetition, of networks "
            f"{learner.actor_spec.sizes}. Choose the preset the policies were collected with."
        )
    with torch.no_grad():
        learner.actors.copy_(start)


class _TuningRun(LockstepRun[TuningConfig]):
    evaluates_start = True

    def _round(self, number: int) -> Round:
        config = self._config
        return Round(
            rows=config.rows,
            number=number,
            steps=config.round_steps,
            learning_starts=config.learning_starts,
            actors_begin=config.tuning is not None,
        )

    def _write(self) -> None:
        config, rows = self._config, read_metrics(self._out)
        curve = {row["steps"]: row["evaluated"] for row in rows if "evaluated" in row}
        curve[config.steps] = self._evaluate().mean(1).tolist()
        meta = TunedMeta(
            family=config.family,
            tasks=tuple(task for task, _ in config.rows),
            model=config.model,
            steps=tuple(curve),
            episodes=config.evaluated,
        )
        returns = torch.tensor(list(curve.values()), dtype=torch.float64)
        Tuned(meta=meta, actors=self._learner.actors.detach(), returns=returns).write(self._out)
