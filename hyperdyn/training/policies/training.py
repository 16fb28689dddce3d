"""Training a policy generator: it clones experts of the training specifications."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.policies import PolicyGenerator, build_policy_generator, load_policy_generator
from hyperdyn.storage import is_written
from hyperdyn.training.demonstrations.dataset import Demonstrations
from hyperdyn.training.policies.configs import PolicyTrainConfig
from hyperdyn.training.policies.evaluation import cloning_errors
from hyperdyn.training.policies.reference import reference_of
from hyperdyn.training.policies.transitions import digest, draw, held_out, transitions
from hyperdyn.training.run_folder import open_run
from hyperdyn.training.seeds import torch_generator
from hyperdyn.training.stepped_run import SteppedRun

VALIDATION_FILE = "validation.json"
_BATCH, _METHOD = 0, 1
"""What a step draws: its batch, and what the method itself does."""


def train_policy(
    config: PolicyTrainConfig,
    out: Path,
    source: Demonstrations,
    *,
    resume: bool = False,
    on_step: Callable[[int], object] = lambda count: None,
) -> PolicyGenerator:
    """Train a generator and write it to `out / "model"`.

    Args:
        config: The run.
        out: Its folder. With `held_out`, it gets validation.json too: the mean squared error of
            actions on those specifications.
        source: What experts demonstrated; of it, the training specifications of the split alone
            are looked at.
        resume: Go on with a run that was stopped, to the weights it would have had; one that is
            finished is read.
        on_step: Told how many optimiser steps were made.

    Raises:
        CheckpointError: If the folder holds another run, or one that was not to be resumed.
        InputError: If these are not the run's demonstrations, or they cannot be used.
    """
    if digest(source) != config.demonstrations:
        raise InputError(
            "These are not the demonstrations that the run was defined with; give the same ones."
        )
    if is_written(out / "model"):
        open_run(config, out, resume=resume)
        on_step(config.steps)
        return load_policy_generator(out)
    rows, kept_out = held_out(source.split(config.split)[0], config.held_out)
    shown, conditions = transitions(source, rows), source.specifications[list(rows)]
    weights = torch_generator(config.seed, "model")
    model = build_policy_generator(config.kind, config.model, generator=weights).train()
    model.standardiser.fit(conditions, shown.observations.flatten(0, 1))

    def loss(step: int) -> Tensor:
        batch = draw(
            conditions,
            shown,
            tasks=config.tasks,
            targets=config.targets,
            generator=torch_generator(config.seed, "batches", step, _BATCH),
        )
        drawn = torch_generator(config.seed, "batches", step, _METHOD)
        return model.loss(*batch, generator=drawn)

    run = SteppedRun(config, out, model, resume=resume)
    run.steps(0, config.steps, config.learning_rate, loss, on_step)
    model.eval()
    if kept_out:
        _validate(model, source, kept_out, out)
    model.save(out / "model")
    run.finish()
    return model


def _validate(
    model: PolicyGenerator, source: Demonstrations, rows: Sequence[int], out: Path
) -> None:
    errors = cloning_errors(model, reference_of(source, rows), range(len(rows)))
    found = {
        "specifications": source.specifications[list(rows)].tolist(),
        "errors": errors.tolist(),
        "mean": float(errors.mean()),
    }
    (out / VALIDATION_FILE).write_text(json.dumps(found) + "\n")
