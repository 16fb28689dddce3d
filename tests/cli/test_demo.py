"""`hyperdyn demo` and `hyperdyn predict`, with small models and short episodes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import imageio.v3 as imageio
import pytest

from hyperdyn.cli import contest, demo
from hyperdyn.cli.contest import Entry, Outcome
from hyperdyn.cli.main import main
from hyperdyn.planners import RandomShooting
from hyperdyn.training.on_policy import train
from hyperdyn.training.tasks import TASKS
from tests.training.runs import tiny

ENV = demo.ENV_ID


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    for kind in ("hyperdynamics", "direct"):
        train(tiny(iterations=1, kind=kind), folder / kind)
    return {kind: str(folder / kind) for kind in ("hyperdynamics", "direct")}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, models: dict[str, str]) -> None:
    monkeypatch.setitem(TASKS, ENV, replace(TASKS[ENV], episode_steps=40))
    monkeypatch.setattr("hyperdyn.planners.RandomShooting", lambda: SMALL)
    monkeypatch.setattr(demo, "CONTENDERS", {**models, "random": None})
    monkeypatch.setattr(demo, "run_entries", in_this_process)


SMALL = RandomShooting(samples=4, horizon=2)


def in_this_process(entries: Sequence[Entry]) -> Iterator[Outcome]:
    for entry in entries:
        yield contest._evaluate(entry) if entry.episodes else contest._film(entry)


def test_the_demo_leaves_a_table_a_film_and_a_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["demo", "--out", str(tmp_path), "--episodes", "1"]) == 0
    said = capsys.readouterr().out
    results = json.loads((tmp_path / "results.json").read_text())
    assert set(results) == {
        f"{name} {split}"
        for name in ("hyperdynamics", "direct", "random")
        for split in ("seen", "novel-low", "novel-high")
    }
    table = (tmp_path / "results.md").read_text()
    for name, found in results.items():
        assert f"{found['iqm']:.0f} [" in table, name
    assert imageio.imread(tmp_path / "prediction.png").ndim == 3
    if "Left out demo.gif" not in said:
        frames = imageio.imread(tmp_path / "demo.gif")
        assert frames.std() > 10  # a picture, not a blank
        assert (frames[0] != frames[-1]).any()


def test_a_machine_without_opengl_still_gets_the_rest_and_is_told_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("MUJOCO_GL", "disabled")
    assert main(["demo", "--out", str(tmp_path), "--episodes", "1"]) == 0
    assert "Left out demo.gif: MUJOCO_GL=disabled" in capsys.readouterr().out
    assert {file.name for file in tmp_path.iterdir()} == {
        "results.md",
        "results.json",
        "prediction.png",
    }


def test_entries_run_in_processes_of_their_own_with_the_same_numbers(models: dict[str, str]):
    entry = Entry(contender="random", model=None, env_id=ENV, split="seen", episodes=1, seed=3)
    (outcome,) = contest.run_entries([entry])
    assert outcome.summary is not None
    assert outcome.summary.setting["steps"] == 500  # a fresh process: episodes in full


def test_predict_compares_models_on_the_same_windows(
    tmp_path: Path,
    models: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("COLUMNS", "300")
    file = tmp_path / "errors.json"
    words = ["predict", *models.values(), models["direct"], "--env", ENV, "--episodes", "1"]
    words += ["--drivers", models["direct"], "--json", str(file)]
    assert main(words) == 0
    report = json.loads(file.read_text())["errors"]
    for split in ("seen", "novel-low", "novel-high"):
        alone, group = report[models["direct"]][split], report["direct"][split]
        assert alone["one_step"]["iqm"] == group["one_step"]["iqm"] > 0
        low, high = alone["open_loop"]["ci95"]
        assert low <= alone["open_loop"]["iqm"] <= high
    assert models["hyperdynamics"] in capsys.readouterr().out


def test_predict_needs_models_that_exist(capsys: pytest.CaptureFixture[str]):
    assert main(["predict", "nobody", "--env", ENV]) == 2
    assert "nobody" in capsys.readouterr().err
