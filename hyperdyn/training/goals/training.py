"""Training a policy for goals on pairs of hindsight."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.policies import GoalPolicy, build_goal_policy, load_goal_policy
from hyperdyn.storage import is_written
from hyperdyn.training.goals.configs import GoalTrainConfig
from hyperdyn.training.goals.detector import find_threshold
from hyperdyn.training.goals.episodes import GoalEpisodes
from hyperdyn.training.run_folder import open_run
from hyperdyn.training.seeds import torch_generator
from hyperdyn.training.stepped_run import SteppedRun


def train_goals(
    config: GoalTrainConfig,
    out: Path,
    episodes: GoalEpisodes,
    *,
    resume: bool = False,
    on_step: Callable[[int], object] = lambda count: None,
) -> GoalPolicy:
    """Train a policy and write it to `out / "model"`.

    Args:
        config: The run.
        out: Its folder.
        episodes: What was demonstrated.
        resume: Go on with a run that was stopped, to the weights it would have had; one that is
            finished is read.
        on_step: Told how many optimiser steps were made.

    Raises:
        CheckpointError: If the folder holds another run, or one that was not to be resumed.
        InputError: If these are not the run's demonstrations.
    """
    if episodes.digest != config.demonstrations:
        raise InputError(
            "These are not the demonstrations that the run was defined with; give the same ones."
        )
    if is_written(out / "model"):
        open_run(config, out, resume=resume)
        on_step(config.steps)
        return load_goal_policy(out)
    weights = torch_generator(config.seed, "model")
    model = build_goal_policy(config.kind, config.model, generator=weights).train()
    learned = episodes.with_mirrored() if config.mirrored else episodes
    rows = learned.moments()
    model.fit(learned.scenes[rows], learned.proprioception[rows])

    def loss(step: int) -> Tensor:
        pairs = learned.draw(
            contexts=config.contexts,
            moments=config.moments,
            frames=config.model.frames,
            episodes=config.episodes,
            generator=torch_generator(config.seed, "batches", step),
        )
        return model.loss(pairs)

    run = SteppedRun(config, out, model, resume=resume)
    run.steps(0, config.steps, config.learning_rate, loss, on_step)
    model.eval()
    compared = torch_generator(config.seed, "subset")
    model.threshold.fill_(find_threshold(model, episodes, generator=compared))
    model.save(out / "model")
    run.finish()
    return model
