"""What the command line answers to mistakes, to failures and to Ctrl-C."""

import dataclasses
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hyperdyn import planners
from hyperdyn.cli.main import COMMANDS, NOT_OPTIONS, main
from hyperdyn.cli.planners import CEM, ICEM, MPPI, PLANNERS, PlannerSettings, RandomShooting
from hyperdyn.training import on_policy
from hyperdyn.training.presets import PRESETS
from hyperdyn.training.tasks import TASKS

ROOT = Path(__file__).resolve().parents[2]
ENV = "hyperdyn/CheetahSlope-v0"
SMALL = ("planner:random-shooting", "--planner.samples", "4", "--planner.horizon", "2")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A preset `small` of two rounds, and episodes of 40 steps."""
    run = replace(PRESETS["cheetah-slope"], iterations=2, rollouts=2, steps=40, samples=4)
    run = replace(run, horizon=2, epochs=1, final_updates=0)
    monkeypatch.setitem(PRESETS, "small", run)
    monkeypatch.setitem(TASKS, ENV, replace(TASKS[ENV], episode_steps=40))


@pytest.fixture
def trained(small: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The folder of a small run."""
    run = tmp_path / "run"
    assert main(["train", "small", "--out", str(run)]) == 0
    capsys.readouterr()
    return run


def in_its_own_process(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hyperdyn", *words], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize("words", [(), *((name,) for name in COMMANDS)])
def test_help_loads_neither_torch_nor_a_simulator(words: tuple[str, ...]):
    code = (
        "import sys\nfrom hyperdyn.cli.main import main\n"
        f"try: main({[*words, '--help']!r})\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(*sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(result.stdout.rsplit("\n", 2)[-2].split())
    assert "tyro" in loaded
    assert not {"torch", "numpy", "scipy", "mujoco", "gymnasium", "hyperdyn.planners"} & loaded


def test_help_explains_every_command_and_every_option():
    overview = in_its_own_process("--help").stdout
    for name, kind in COMMANDS.items():
        assert name in overview
        page = in_its_own_process(name, "--help").stdout
        assert str(kind.__doc__).split()[0] in page
        for field in dataclasses.fields(kind):
            assert f"--{field.name}" in page or field.name in getattr(
                kind, "positionals", NOT_OPTIONS
            )


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        ("trian cheetah-slope --out x", "'train'"),
        ("train cheetah-slop --out x", "'cheetah-slope'"),
        ("train --sed 3 cheetah-slope --out x", "'--seed'"),
        ("train cheetah-slope --out=x --resmue", "'--resume'"),
        (f"evaluate m --evn {ENV}", "'--env'"),
        ("evaluate m --env hyperdyn/CheetaSlope-v0", f"'{ENV}'"),
        (f"evaluate m --env {ENV} --split nvel", "'novel'"),
        (f"plan m --env {ENV} --split novel-hihg", "'novel-high'"),
        (f"plan m --env {ENV} planner:cme", "'planner:cem'"),
        (f"plan m --env {ENV} planner:cem --planner.sampels 9", "'--planner.samples'"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_name(
    words: str, nearest: str, capsys: pytest.CaptureFixture[str]
):
    assert main(words.split()) == 2
    said = capsys.readouterr()
    assert said.err.startswith("hyperdyn: Unknown ")
    assert f"Did you mean {nearest}?" in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (f"evaluate m --env {ENV} --episodes 0", "--episodes must be at least 1; got 0"),
        (f"evaluate m --env {ENV} planner:cem --planner.elites 600", "600 elites among 500"),
        (f"evaluate m --env {ENV} --planner.hold 0", "hold must be"),
        (f"plan no-such-model --env {ENV}", "pretrained generator or folder 'no-such-model'"),
    ],
)
def test_a_value_that_cannot_be_used_is_a_usage_error(
    words: str, reason: str, capsys: pytest.CaptureFixture[str]
):
    assert main(words.split()) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", ["", "train", "train cheetah-slope", "train cheetah-slope --out x --seed three"]
)
def test_missing_and_malformed_words_leave_with_2(words: str):
    with pytest.raises(SystemExit) as end:
        main(words.split())
    assert end.value.code == 2


def test_a_process_ends_with_the_status_and_without_a_traceback():
    result = in_its_own_process("evaluate", "no-such-model", "--env", ENV)
    assert result.returncode == 2
    assert "no-such-model" in result.stderr
    assert "Traceback" not in result.stderr


def test_ctrl_c_says_how_to_resume(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(on_policy, "train", interrupted)
    out = tmp_path / "my run"
    assert main(["train", "cheetah-slope", "--out", str(out), "--seed", "3"]) == 130
    said = capsys.readouterr().err
    assert f"hyperdyn train cheetah-slope --out '{out}' --seed 3 --resume" in said


def test_train_evaluate_and_resume_a_run(trained: Path, capsys: pytest.CaptureFixture[str]):
    json_file = trained.parent / "new folder" / "result.json"
    words = ["evaluate", str(trained), "--env", ENV, "--split", "novel-low", "--episodes", "3"]
    assert main([*words, "--json", str(json_file), *SMALL]) == 0
    assert f"Wrote {json_file}" in capsys.readouterr().out
    result = json.loads(json_file.read_text())
    assert len(result["returns"]) == 3
    assert {"returns", "iqm", "ci95", "plans_per_second", "setting"} <= set(result)
    assert result["setting"]["split"] == "novel-low"
    assert result["setting"]["planner"]["samples"] == 4

    assert main(["train", "small", "--out", str(trained), "--resume"]) == 0
    capsys.readouterr()
    assert main(["train", "small", "--out", str(trained)]) == 1
    assert "--resume" in capsys.readouterr().err
    assert main(["train", "small", "--out", str(trained), "--seed", "1", "--resume"]) == 1
    assert "seed" in capsys.readouterr().err


def test_failures_leave_with_1_and_say_why(trained: Path, capsys: pytest.CaptureFixture[str]):
    words = ["evaluate", str(trained), "--env", ENV, "--episodes", "1"]
    assert main([*words, "--json", "/dev/full", *SMALL]) == 1  # a full disk
    said = capsys.readouterr()
    assert "Could not write /dev/full" in said.err
    assert "return" in said.out  # what was worked for is not lost

    tensors = trained / "model" / "tensors.safetensors"
    content = bytearray(tensors.read_bytes())
    content[-1] ^= 1
    tensors.write_bytes(content)
    assert main([*words, *SMALL]) == 1
    assert "damaged" in capsys.readouterr().err


@pytest.mark.parametrize("kind", PLANNERS.values())
def test_planner_settings_mirror_the_planners(kind: type[PlannerSettings]):
    def settings(of: object) -> dict[str, object]:
        return {field.name: getattr(of, field.name) for field in dataclasses.fields(of)}

    planner, proposal = kind().build()
    theirs = settings(planner)
    bounds = (theirs.pop("low"), theirs.pop("high"))  # the environment's: [-1, 1]
    mine = settings(kind())
    if kind is RandomShooting:
        assert proposal == planners.Uniform(hold=mine.pop("hold"))
    assert (mine.pop("refine"), theirs.pop("refinement")) == (0, None)
    assert mine == theirs
    assert bounds == (-1.0, 1.0)


def test_planner_settings_reach_the_planner():
    planner, proposal = RandomShooting(samples=7, horizon=3, hold=2).build()
    assert planner == planners.RandomShooting(samples=7, horizon=3)
    assert proposal == planners.Uniform(hold=2)
    planner, _ = CEM(refine=3).build()
    assert planner == planners.CEM(refinement=planners.GradientRefinement(steps=3))
    planner, proposal = CEM(elites=5, initial_std=0.2).build()
    assert planner == planners.CEM(elites=5, initial_std=0.2)
    assert proposal is None
    planner, proposal = ICEM(elites=5, noise_exponent=2.0).build()
    assert planner == planners.ICEM(elites=5, noise_exponent=2.0)
    assert proposal is None
    planner, proposal = MPPI(window=3, temperature=2.0).build()
    assert planner == planners.MPPI(window=3, temperature=2.0)
    assert proposal is None
