"""Runs of optimiser steps: the same weights after a stop, no end in what is not finite."""

from dataclasses import dataclass

import pytest
import torch

from hyperdyn.errors import HyperdynError
from hyperdyn.training import stepped_run
from hyperdyn.training.checkpoints import load_checkpoint
from hyperdyn.training.stepped_run import SteppedRun


@dataclass(frozen=True, kw_only=True)
class Config:
    """A run's setting."""

    seed: int = 0


def line():
    model = torch.nn.Linear(3, 1)
    torch.nn.init.ones_(model.weight)
    torch.nn.init.zeros_(model.bias)
    return model


def squared(model):
    def loss(step):
        inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
        return (model(inputs) - inputs.sum(1, keepdim=True).mul(2)).square().mean()

    return loss


class StoppedError(Exception):
    """Stands for a kill."""


def run_stages(folder, *, resume=False, stop=None):
    """Two stages of six steps; stopped when `stop` steps were made."""
    model, told = line(), []
    run = SteppedRun(Config(), folder, model, resume=resume)

    def on_step(count):
        told.append(count)
        if sum(told) == stop:
            raise StoppedError

    for stage, rate in enumerate((0.1, 0.01)):
        run.steps(stage, 6, rate, squared(model), on_step)
    return model, sum(told)


@pytest.mark.parametrize("stop", [2, 6, 9, 12])
def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path, monkeypatch, stop):
    whole, told = run_stages(tmp_path / "whole")
    assert told == 12
    monkeypatch.setattr(stepped_run, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(StoppedError):
        run_stages(tmp_path / "stopped", stop=stop)
    resumed, told = run_stages(tmp_path / "stopped", resume=True)
    assert told == 12
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
    assert not torch.equal(whole.weight, line().weight)


def without_a_slope(model):
    """A loss of zero whose gradient is not finite."""
    return (model.weight * 0).sum().sqrt()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda model: model.weight.sum() * torch.nan, "not finite at step 3 of stage 1"),
        (without_a_slope, "not finite at step 4 of stage 1"),
    ],
)
@pytest.mark.parametrize("steps", [4, 9])
def test_what_is_not_finite_ends_the_run_and_is_not_kept(
    tmp_path, monkeypatch, bad, message, steps
):
    monkeypatch.setattr(stepped_run, "CHECKPOINT_SECONDS", 0.0)
    model = line()
    good = squared(model)
    run = SteppedRun(Config(), tmp_path / "run", model, resume=False)
    with pytest.raises(HyperdynError, match=message):
        run.steps(0, steps, 0.1, lambda step: bad(model) if step == 3 else good(step), print)
    kept = line()
    progress = load_checkpoint(
        tmp_path / "run" / "checkpoint", kept, torch.optim.Adam(kept.parameters())
    )
    assert progress.updates == 3
    assert kept.weight.isfinite().all()
