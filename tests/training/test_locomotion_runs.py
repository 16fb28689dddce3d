"""The runs of the locomotion study: their names, presets and folders; they resume and go on."""

import itertools
import json
from dataclasses import replace

import pytest

from hyperdyn import assets
from hyperdyn.errors import CheckpointError, HyperdynError, InputError, UnknownNameError
from hyperdyn.training.locomotion import Run, finished_runs, train_runs
from hyperdyn.training.on_policy import train
from hyperdyn.training.presets import KINDS, PAPER_TASKS, PRESETS, ROADS
from hyperdyn.training.run_folder import FINISHED, open_run
from tests.training.locomotion_study import SLOPE, small_study
from tests.training.runs import tiny_of


@pytest.fixture
def study(tmp_path):
    return small_study(tmp_path)


def test_a_copy_of_the_packaged_runs_can_be_gone_on_with():
    folder = assets.locomotion()
    runs = finished_runs(folder)
    of_the_paper = {(run.task, run.model, run.seed) for run in runs}
    assert of_the_paper >= set(itertools.product(PAPER_TASKS, KINDS, range(3)))
    for run in runs:
        open_run(run.config("reduced"), folder / run.name, resume=True)


def test_folders_that_are_no_finished_runs_are_left_alone(study):
    (study.folder / "cheetah-slope-direct-1" / FINISHED).unlink()
    (study.folder / "cheetah-slope-direct-2x").mkdir()
    (study.folder / "notes").mkdir()
    assert [run.name for run in finished_runs(study.folder)] == [
        "cheetah-slope-hyperdynamics-0",
        "cheetah-slope-hyperdynamics-1",
        "cheetah-slope-direct-0",
        "cheetah-slope-expert_ensemble-0",
        "cheetah-slope-code-4-0",
        "cheetah-body-direct-0",
    ]
    with pytest.raises(HyperdynError, match="no finished run of ant-flip"):
        _ = replace(study, tasks=("ant-flip",)).finished


def test_a_run_is_its_preset_with_its_seed():
    run = Run(task="ant-pier", model="expert_ensemble", seed=3)
    assert run.config("paper") == replace(PRESETS["ant-pier-expert-ensemble-paper"], seed=3)
    with pytest.raises(InputError, match="no preset ant-flip-masked-paper"):
        Run(task="ant-flip", model="masked", seed=0).config("paper")
    with pytest.raises(UnknownNameError, match="'reduced'"):
        run.config("reduce")
    assert set(ROADS) >= set(PAPER_TASKS)


def test_runs_are_trained_gone_on_with_and_not_stopped_by_one_that_fails(tmp_path, monkeypatch):
    sizes = {"iterations": 1, "rollouts": 2, "steps": 40, "epochs": 1, "final_updates": 0}
    small = tiny_of("direct", **sizes)
    monkeypatch.setitem(PRESETS, "cheetah-slope-direct-reduced", small)
    begun, bad, new = (Run(task=SLOPE, model="direct", seed=seed) for seed in (0, 1, 2))
    train(begun.config("reduced"), tmp_path / begun.name)
    (tmp_path / begun.name / FINISHED).unlink()  # stopped before it was marked
    model = tmp_path / begun.name / "model" / "config.json"
    stamp = model.stat().st_mtime_ns
    (tmp_path / bad.name).mkdir()
    (tmp_path / bad.name / "something").touch()
    told: list[int] = []
    with pytest.raises(HyperdynError, match=r"1 of 3 runs failed.*cheetah-slope-direct-1: .*empty"):
        train_runs([begun, bad, new], tmp_path, "reduced", workers=1, on_rounds=told.append)
    assert sum(told) == 2
    assert finished_runs(tmp_path) == [begun, new]
    assert model.stat().st_mtime_ns == stamp
    record = json.loads((tmp_path / new.name / "run.json").read_text())
    assert record["config"]["seed"] == 2
    assert "round 1/1" in (tmp_path / "logs" / f"{new.name}.txt").read_text()
    told.clear()
    train_runs([begun, new], tmp_path, "reduced", workers=1, on_rounds=told.append)
    assert told == [1, 1]
    monkeypatch.setitem(PRESETS, "cheetah-slope-direct-reduced", replace(small, rollouts=4))
    with pytest.raises(CheckpointError, match="rollouts"):
        train_runs([begun], tmp_path, "reduced", workers=1)
