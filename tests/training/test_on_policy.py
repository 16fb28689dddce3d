import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from hyperdyn.errors import CheckpointError, InputError, UnknownNameError
from hyperdyn.generators import build_generator, load_generator
from hyperdyn.planners import Uniform
from hyperdyn.planners.budget import candidates, planner_of
from hyperdyn.storage import read_folder
from hyperdyn.training import groups, on_policy
from hyperdyn.training.collect import RandomAgent
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.groups import collect_group
from hyperdyn.training.metrics import read_metrics
from hyperdyn.training.on_policy import train
from hyperdyn.training.presets import PRESETS, preset
from hyperdyn.training.run_folder import FINISHED
from tests.training.runs import tiny

PROGRAM = """
import pathlib, sys
from hyperdyn.training import fitting
from hyperdyn.training.on_policy import train
from tests.training.runs import tiny
fitting.CHECKPOINT_SECONDS = 0.0
train(tiny(iterations=4), pathlib.Path(sys.argv[1]), resume=sys.argv[2] == "resume")
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "run"
    train(tiny(iterations=4), out)
    return out


def test_a_run_leaves_a_generator_data_and_metrics(finished):
    model = load_generator(finished)
    assert model.normaliser.fitted
    rows = read_metrics(finished)
    assert [row["iteration"] for row in rows] == [0, 1, 2, 3, 4]
    *rounds, last = rows
    for index, row in enumerate(rounds):
        episodes = Episodes.load(finished / "data" / f"{index:04d}")
        assert len(episodes) == 3
        assert episodes.returns.mean().item() == pytest.approx(row["return_mean"])
    assert rounds[-1]["training_loss"] < rounds[0]["training_loss"]
    assert last["updates"] >= 12
    assert "return_mean" not in last  # nothing was collected for it
    assert list((finished / "tensorboard").iterdir())
    assert (finished / FINISHED).is_file()


def test_the_training_terrain_stays_in_the_training_range(finished):
    for folder in (finished / "data").iterdir():
        for context in Episodes.load(folder).contexts:
            assert all(0.5 <= height <= 3.5 for height in context["heights"])


def start(out, mode):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(out), mode],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for(path, process):
    while process.poll() is None and not path.exists():
        time.sleep(0.002)


def same_result(run, finished):
    timing = {"collect_seconds", "fit_seconds"}
    rows, expected_rows = (
        [{k: v for k, v in row.items() if k not in timing} for row in read_metrics(folder)]
        for folder in (run, finished)
    )
    assert rows == expected_rows
    for name, kind in (("model", "hyperdynamics"), ("checkpoint", "training-checkpoint")):
        config, tensors = read_folder(run / name, kind)
        expected_config, expected = read_folder(finished / name, kind)
        assert config == expected_config
        assert set(tensors) == set(expected)
        for key in tensors:
            assert torch.equal(tensors[key], expected[key]), key


def test_a_killed_run_resumes_to_the_same_weights(finished, tmp_path):
    out = tmp_path / "run"
    process = start(out, "new")
    wait_for(out / "data" / "0002", process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(read_metrics(out)) < 5
    assert not (out / FINISHED).exists()
    train(tiny(iterations=4), out, resume=True)
    same_result(out, finished)


@pytest.mark.slow
def test_a_run_killed_at_three_random_moments_resumes_to_the_same_weights(finished, tmp_path):
    out, rng = tmp_path / "run", torch.Generator().manual_seed(int(time.time()))
    for mode in ("new", "resume", "resume"):
        process = start(out, mode)
        wait_for(out / "run.json", process)
        time.sleep(float(torch.rand((), generator=rng)) * 2.0)
        process.send_signal(signal.SIGKILL)
        process.wait()
    train(tiny(iterations=4), out, resume=True)
    same_result(out, finished)


def test_ctrl_c_loses_nothing(finished, tmp_path, monkeypatch):
    fit, rounds = on_policy.fit_round, []

    def interrupted(*args, **kwargs):
        rounds.append(1)
        if len(rounds) == 2:
            raise KeyboardInterrupt
        return fit(*args, **kwargs)

    monkeypatch.setattr(on_policy, "fit_round", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(tiny(iterations=4), tmp_path / "run")
    train(tiny(iterations=4), tmp_path / "run", resume=True)
    same_result(tmp_path / "run", finished)


def test_a_metrics_line_cut_short_does_not_stop_a_resume(finished, tmp_path):
    with pytest.raises(CheckpointError):
        train(tiny(), finished)
    path = tmp_path / "metrics.jsonl"
    path.write_text(json.dumps({"iteration": 0}) + "\n" + '{"iteration": 1, "re')
    assert read_metrics(tmp_path) == [{"iteration": 0}]


def test_training_stops_when_the_rolling_return_falls(tmp_path, monkeypatch):
    monkeypatch.setattr(
        on_policy,
        "collect_round",
        lambda config, model, iteration, *others: falling(iteration),
    )
    train(tiny(iterations=12, stop_window=2), tmp_path / "run")
    # Means of two: 0.5 at round 2, 2.5 at round 4, then 7 - 5 = falling.
    rows = read_metrics(tmp_path / "run")
    assert sum("return_mean" in row for row in rows) == 6
    assert rows[-1]["updates"] >= 12  # what was collected still gets its last fit
    train(tiny(iterations=12, stop_window=2), tmp_path / "run", resume=True)
    assert read_metrics(tmp_path / "run") == rows  # and there is nothing left to resume


def falling(iteration):
    rng = torch.Generator().manual_seed(iteration)
    reward = [0, 1, 2, 3, 1, 0, 0, 0, 0, 0, 0, 0][iteration] / 60
    return Episodes(
        states=torch.randn(3, 61, 20, generator=rng),
        actions=torch.rand(3, 60, 6, generator=rng),
        rewards=torch.full((3, 60), reward),
        lengths=torch.full((3,), 60),
        contexts=({}, {}, {}),
    )


def test_an_existing_run_is_never_overwritten(finished):
    before = (finished / "run.json").read_bytes()
    with pytest.raises(CheckpointError, match="is not empty"):
        train(tiny(iterations=4), finished)
    assert (finished / "run.json").read_bytes() == before


def test_resuming_with_other_settings_names_them(finished):
    with pytest.raises(CheckpointError, match=r"other settings \(learning_rate, seed\)"):
        train(replace(tiny(iterations=4), seed=5, learning_rate=0.1), finished, resume=True)


def test_resuming_nothing_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="holds no run to resume"):
        train(tiny(), tmp_path / "nothing", resume=True)


def test_a_run_folder_of_another_version_is_refused(finished, tmp_path):
    record = json.loads((finished / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**record, "version": 7}))
    with pytest.raises(CheckpointError, match="run layout 7"):
        train(tiny(iterations=4), tmp_path, resume=True)


def test_a_damaged_checkpoint_is_refused_on_resume(tmp_path):
    train(tiny(iterations=1), tmp_path / "run")
    path = tmp_path / "run" / "checkpoint" / "tensors.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged"):
        train(tiny(iterations=1), tmp_path / "run", resume=True)


def test_the_named_planner_drives(monkeypatch):
    config = tiny(planner="cem-cold", samples=24)
    model = build_generator(config.kind, config.model, generator=torch.Generator().manual_seed(0))
    drivers = []

    def no_episodes(env_id, agent, *further):
        drivers.append(agent)
        raise KeyboardInterrupt

    monkeypatch.setattr(groups, "run_episodes", no_episodes)
    other = replace(config, planner="random-shooting", hold=2)
    for run, iteration in ((config, 0), (config, 1), (other, 1)):
        with pytest.raises(KeyboardInterrupt):
            collect_group(run, model, iteration, 0)
    random, cem, shooting = drivers
    assert isinstance(random, RandomAgent)
    assert (cem.planner, cem.proposal) == (planner_of("cem-cold", 24, config.horizon), None)
    assert candidates(cem.planner) == 24
    assert (shooting.planner.samples, shooting.proposal) == (24, Uniform(hold=2))


def test_a_planner_that_cannot_drive_is_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'cem-cold'"):
        tiny(planner="cem-cole", samples=24)
    with pytest.raises(InputError, match="Only random-shooting holds actions"):
        tiny(planner="cem", samples=24, hold=2)


def test_unknown_presets_suggest_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'cheetah-slope'"):
        preset("cheeta-slope")


def test_the_paper_preset_is_the_paper():
    paper = preset("cheetah-slope-paper")
    assert (paper.iterations, paper.rollouts, paper.steps, paper.epochs) == (150, 10, 500, 100)
    assert (paper.samples, paper.horizon, paper.max_steps) == (500, 20, 50_000)
    assert paper.contexts * paper.targets == 128
    assert paper.model.network.num_parameters == 22_548
    released = preset("cheetah-slope-released")
    assert (released.model.code_dim, released.model.hyper_hidden) == (1, 32)
    assert released.model.initialisation == "normal"


def test_all_presets_of_a_family_share_budget_and_encoder():
    for name, config in PRESETS.items():
        if config.kind != "hyperdynamics" and not name.endswith(("-reduced", "-paper")):
            base = PRESETS[name.replace("-direct", "").replace("-film", "").replace("-wide", "")]
            hidden = config.model.dynamics_hidden
            assert (
                replace(
                    config, kind=base.kind, model=replace(config.model, dynamics_hidden=(128, 128))
                )
                == base
            ), hidden
        elif config.kind != "hyperdynamics":
            own = config.kind.replace("_", "-").removeprefix("hyperdynamics-")
            base = PRESETS[name.replace(f"-{own}-", "-hyperdynamics-")]
            kept = ("state_space", "action_dim", "history_length", "encoder_hidden")
            for field in (*kept, "encoder_activation", "dynamics_hidden", "dynamics_activation"):
                assert getattr(config.model, field) == getattr(base.model, field)
            assert replace(config, kind=base.kind, model=base.model) == base
