"""--device: what computes on a GPU says so, and refuses one that is not there."""

import pytest
import torch

from hyperdyn.cli.main import main
from hyperdyn.errors import HyperdynError
from hyperdyn.training.evaluation import evaluate
from hyperdyn.training.locomotion import LocomotionStudy, Run, train_runs
from tests.training.locomotion_study import SETTINGS, shorten_episodes, study_of

ENV = "hyperdyn/CheetahSlope-v0"
SLOPE = "cheetah-slope"
COMMANDS = (
    "train cheetah-slope --out x",
    "train dynamics cheetah-speed-direct-reduced --demonstrations x --out y",
    "train locomotion --study x",
    f"evaluate cheetah-slope --env {ENV}",
    f"plan cheetah-slope --env {ENV}",
    "tables locomotion --json x.json",
)
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.parametrize("words", COMMANDS)
def test_a_gpu_that_is_not_there_is_refused_before_any_work(words, no_gpu, capsys):
    assert main([*words.split(), "--device", "cuda"]) == 2
    assert "There is no GPU" in capsys.readouterr().err


@pytest.mark.parametrize("words", COMMANDS)
def test_an_unknown_device_is_answered_with_those_there_are(words, capsys):
    assert main([*words.split(), "--device", "cdua"]) == 2
    said = capsys.readouterr().err
    assert "Unknown device 'cdua'" in said
    assert "'cuda'" in said


def test_the_simulator_runs_on_the_processor(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert main(["evaluate", "simulator", "--env", ENV, "--device", "cuda"]) == 2
    assert "runs on the cpu; got --device cuda" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="a run would begin on it")
def test_the_device_reaches_the_processes_that_train(tmp_path, no_gpu):
    run = Run(task=SLOPE, model="direct", seed=0)
    with pytest.raises(HyperdynError, match=r"cheetah-slope-direct-0: There is no GPU"):
        train_runs([run], tmp_path, "reduced", workers=1, device="cuda")


def test_the_device_is_part_of_what_a_number_depends_on(tmp_path):
    folder = study_of(tmp_path / "runs", [SLOPE], ["hyperdynamics"], [0])
    tables = ("3", "6", "planners", "codes", "adaptation")

    def settings(device):
        study = LocomotionStudy(
            folder=folder, kept=tmp_path, tasks=(SLOPE,), device=device, **SETTINGS
        )
        return [cell.setting() for stage in study.cells(tables) for cell in stage]

    here, there = settings("cpu"), settings("cuda")
    assert [setting | {"device": "cuda"} for setting in here] == there


@gpu
def test_a_generator_on_a_gpu_plans_there(tmp_path, monkeypatch):
    from hyperdyn.generators import load_generator
    from hyperdyn.planners.budget import RANDOM, planner_of

    shorten_episodes(monkeypatch)
    folder = study_of(tmp_path / "runs", [SLOPE], ["hyperdynamics"], [0])
    model = load_generator(folder / f"{SLOPE}-hyperdynamics-0" / "model").to("cuda")
    planner = planner_of(RANDOM, 20, 3)
    summary, recorded = evaluate(model, ENV, "seen", episodes=2, seed=0, planner=planner)
    assert summary.setting["device"].startswith("cuda")
    assert recorded.states.device.type == "cpu"
    assert torch.isfinite(torch.tensor(summary.returns)).all()
