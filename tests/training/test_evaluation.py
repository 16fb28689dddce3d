import json
from dataclasses import asdict

import pytest
import torch

from hyperdyn.errors import CheckpointError, InputError, UnknownNameError
from hyperdyn.generators import build_generator
from hyperdyn.planners import RandomShooting
from hyperdyn.training import evaluation
from hyperdyn.training.evaluation import evaluate, resets_for
from hyperdyn.training.on_policy import train
from hyperdyn.training.seeds import STREAMS, seed_for, torch_generator
from hyperdyn.training.tasks import TASKS, Task, task_for
from tests.hyperdyn.models import fitted
from tests.training.runs import tiny

ENV = "hyperdyn/CheetahSlope-v0"
PLANNER = RandomShooting(horizon=3, samples=8)


@pytest.fixture(autouse=True)
def _short_episodes(monkeypatch):
    short = Task(**{**vars(TASKS[ENV]), "episode_steps": 40})
    monkeypatch.setitem(TASKS, ENV, short)
    monkeypatch.setattr(evaluation, "LOCKSTEP", 2)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from hyperdyn.generators import load_generator

    out = tmp_path_factory.mktemp("run") / "run"
    train(tiny(iterations=2), out)
    return load_generator(out)


def run(model, split="seen", episodes=3, seed=0, **kwargs):
    return evaluate(
        model, ENV, split, episodes=episodes, seed=seed, planner=PLANNER, progress=False, **kwargs
    )


def test_an_evaluation_reports_every_episode_and_its_setting(model, tmp_path):
    summary, episodes = run(model, name="tiny")
    assert len(summary.returns) == len(episodes) == 3
    assert summary.ci95[0] <= summary.iqm <= summary.ci95[1]
    assert summary.plans_per_second > 0
    assert sum(summary.statuses.values()) == 3 * (40 - 16)  # the first 16 steps watch
    summary.write(tmp_path / "out" / "e.json")
    written = json.loads((tmp_path / "out" / "e.json").read_text())
    assert written == json.loads(json.dumps(asdict(summary)))
    assert written["setting"]["planner"]["samples"] == 8
    assert (written["setting"]["split"], written["setting"]["seed"]) == ("seen", 0)


def test_the_same_seed_gives_the_same_numbers(model):
    assert run(model)[0].returns == run(model)[0].returns
    assert run(model)[0].returns != run(model, seed=1)[0].returns


def test_every_model_meets_the_same_terrain(model):
    planned, random = run(model)[1], run(None)[1]
    assert planned.contexts == random.contexts
    assert torch.equal(planned.states[:, 0], random.states[:, 0])


def test_splits_differ_and_cover_what_they_say(model):
    ranges = {"novel-low": (0, 0.25), "novel-high": (3.75, 4), "seen": (0.5, 3.5)}
    for split, (low, high) in ranges.items():
        for context in run(None, split)[1].contexts:
            assert all(low <= height <= high for height in context["heights"])


def test_evaluation_never_meets_a_training_episode():
    evaluated = {
        r.seed for split in TASKS[ENV].splits for r in resets_for(TASKS[ENV], split, 50, 0)
    }
    trained = {seed_for(0, "collect", i, row) >> 32 for i in range(150) for row in range(10)}
    assert len(evaluated) == 200
    assert not evaluated & trained


def test_streams_and_indices_give_different_seeds():
    seeds = {seed_for(s, stream, i) for s in range(3) for stream in STREAMS for i in range(3)}
    assert len(seeds) == 3 * 3 * len(STREAMS)


def test_random_actions_need_no_model():
    summary, _ = run(None, name="random")
    assert summary.plans_per_second is None
    assert summary.setting["kind"] == "random"


def test_a_model_for_another_robot_is_refused():
    with pytest.raises(InputError, match="S = 4, A = 3"):
        run(fitted())


def test_unknown_names_and_counts_are_refused(model, tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'novel-low'"):
        run(model, split="novel-lo")
    with pytest.raises(UnknownNameError, match="CheetahSlope15m-v0"):
        task_for("hyperdyn/CheetahSlop-v0")
    with pytest.raises(InputError, match="at least one"):
        run(model, episodes=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="Could not write"):
        run(model, episodes=1)[0].write(tmp_path / "file" / "e.json")


def test_a_model_of_nan_still_ends_its_episodes_and_says_so(model):
    broken = build_generator(model.kind, model.config, generator=torch_generator(0, "model"))
    broken.load_state_dict(
        {**model.state_dict(), "encoder.layers.0.bias": torch.full((16,), torch.nan)}
    )
    summary, episodes = run(broken)
    assert summary.statuses["NO_FINITE_CANDIDATE"] == 3 * 24
    assert episodes.actions.isfinite().all()
