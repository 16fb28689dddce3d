"""Several processes that fit one model, and the devices they compute on."""

import os
import subprocess
import sys

import pytest
import torch

from hyperdyn.errors import InputError, UnknownNameError
from hyperdyn.generators import GENERATORS, build_generator
from hyperdyn.model import CodedGenerator, HyperDynamics
from hyperdyn.states import StateSpace
from hyperdyn.training.distributed import Team, open_team
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.fitting import make_optimiser
from hyperdyn.training.jobs import Where
from hyperdyn.training.metrics import read_metrics
from hyperdyn.training.on_policy import train
from hyperdyn.training.windows import (
    WindowSampler,
    fit_normaliser,
    masked,
    training_loss,
    window_loss,
)
from tests.training.runs import tiny, tiny_of

# Chosen so that two processes have unequal shares.
CHANGES = {"iterations": 1, "contexts": 5, "hidden_share": 0.3, "stop_window": None}

PROGRAM = """
import pathlib, sys
from hyperdyn.training.on_policy import train
from tests.training.runs import tiny
from tests.training.test_distributed import CHANGES
train(tiny(**CHANGES), pathlib.Path(sys.argv[1]), resume=len(sys.argv) > 2)
"""


def torchrun(folder, *arguments):
    """Two processes on the CPU run the program."""
    (folder / "program.py").write_text(PROGRAM)
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    return subprocess.run(
        [sys.executable, *launcher, str(folder / "program.py"), *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_two_processes_end_with_the_weights_of_one(tmp_path):
    train(tiny(**CHANGES), tmp_path / "one")
    ended = torchrun(tmp_path, str(tmp_path / "two"))
    assert ended.returncode == 0, ended.stderr
    data = "data/0000/tensors.safetensors"
    assert (tmp_path / "one" / data).read_bytes() == (tmp_path / "two" / data).read_bytes()
    rows, expected = read_metrics(tmp_path / "two"), read_metrics(tmp_path / "one")
    assert [row["updates"] for row in rows] == [row["updates"] for row in expected]
    for row, other in zip(rows, expected, strict=True):
        assert row["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-4)
    one, two = (
        HyperDynamics.from_pretrained(tmp_path / name).state_dict() for name in ("one", "two")
    )
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-4, msg=name)
    # What is finished has nothing left to resume; only the first process reads the record.
    ended = torchrun(tmp_path, str(tmp_path / "two"), "resume")
    assert ended.returncode == 0, ended.stderr
    assert read_metrics(tmp_path / "two") == rows


def random_episodes(rng):
    return Episodes(
        states=torch.randn(3, 61, 20, generator=rng),
        actions=torch.rand(3, 60, 6, generator=rng),
        rewards=torch.zeros(3, 60),
        lengths=torch.full((3,), 60),
        contexts=({}, {}, {}),
    )


def test_shares_cover_a_batch_and_their_weighted_losses_are_its_loss(rng):
    model = HyperDynamics(tiny().model, generator=rng)
    sampler = WindowSampler(random_episodes(rng), model.history_length, targets=4)
    windows = next(sampler.epoch(5, rng))
    shares = [Team(rank=rank, size=2).share(windows) for rank in range(2)]
    assert [len(share.states) for share in shares] == [2, 3]
    assert torch.cat([share.states for share in shares]).equal(windows.states)
    assert torch.cat([share.history.actions for share in shares]).equal(windows.history.actions)
    joined = sum(window_loss(model, share) * len(share.states) / 5 for share in shares)
    torch.testing.assert_close(joined, window_loss(model, windows))
    assert Team().share(windows) is windows


def test_more_processes_than_contexts_are_refused():
    with pytest.raises(InputError, match="3 processes cannot share batches of 2 contexts"):
        Team(size=3).require_batches(2)


def test_a_device_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"no GPU that torch .* can use; leave --device at cpu"):
        train(tiny(), tmp_path / "run", where=Where(device="cuda"))
    with pytest.raises(UnknownNameError, match="cpu"), open_team("gpu"):
        pass
    assert not (tmp_path / "run").exists()


def test_without_torchrun_a_process_is_alone():
    with open_team("cpu") as team:
        assert (team.rank, team.size, team.leads) == (0, 1, True)
        assert team.device == torch.device("cpu")
        assert team.agree(0.1) == 0.1


@pytest.mark.parametrize("kind", GENERATORS)
def test_training_makes_every_tensor_where_its_inputs_are(kind, rng, monkeypatch):
    config = tiny_of(kind)
    model = build_generator(kind, config.model, generator=rng)
    optimiser = make_optimiser(model, config)
    episodes = random_episodes(rng)
    truths = torch.rand(3, 61, 1, generator=rng) if model.oracle else None
    columns = torch.arange(config.model.state_space.dim)
    monkeypatch.setattr(StateSpace, "input_columns", lambda space: columns)  # sizes, not numbers
    # A tensor made without saying where would be on "meta", and could not meet those of the inputs.
    with torch.device("meta"):
        fit_normaliser(model, episodes, rng)
        sampler = WindowSampler(episodes, model.history_length, 4, truths)
        windows = next(sampler.epoch(4, rng))
        if isinstance(model, CodedGenerator):
            windows = masked(model, windows, 0.3, rng)
        training_loss(model, windows[1:4], unroll=2).backward()
        optimiser.step()
