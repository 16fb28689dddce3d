"""`hyperdyn tables` and the studies' training: what is refused, and whole small studies."""

import json

import pytest

from hyperdyn.cli.main import main
from hyperdyn.cli.tables_locomotion import KNOWN_TABLES
from hyperdyn.training.locomotion import Run
from hyperdyn.training.locomotion.layout import TABLES
from tests.training.locomotion_study import add_run, shorten_episodes, study_of

WALK = ["tables", "locomotion", "--json", "t.json", "--models", "runs"]
TRAIN = ["train", "locomotion", "--study", "runs"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["tables", "pull", "--json", "t.json"], "push"),
        ([*WALK, "--tables", "4"], "'4'"),
        ([*WALK, "--tables", "rangs"], "'ranges'"),
        ([*WALK, "--tasks", "ant-slop"], "'ant-slope'"),
        ([*WALK, "--episodes", "0"], "--episodes"),
        ([*WALK, "--episodes", "1", "--tables", "codes"], "two episodes"),
        ([*WALK, "--samples", "8"], "raise samples"),
        ([*WALK, "--tables", "planners", "--planners", "cme"], "'cem'"),
        ([*WALK, "--planned", "gruu"], "'gru'"),
        ([*WALK, "--driver", "gruu"], "'gru'"),
        (WALK, "holds no finished run"),
        ([*TRAIN, "--models", "hyperdynamic"], "'hyperdynamics'"),
        ([*TRAIN, "--tasks", "cheetah-slop"], "'cheetah-slope'"),
        ([*TRAIN, "--budget", "papr"], "'paper'"),
        ([*TRAIN, "--tasks", "ant-flip", "--budget", "paper"], "no preset ant-flip-"),
        ([*TRAIN, "--workers", "0"], "--workers"),
        ([*TRAIN, "--seeds", "-1"], "none negative"),
        (["tables", "push", "--json", "t.json", "--tables", "3"], "--tables"),
        (["tables", "push", "--json", "t.json", "--trials", "0"], "--trials"),
        (["tables", "push", "--json", "."], "is a folder"),
        (["tables", "push", "--json", "t.json", "--models", "nowhere"], "holds no model"),
        (["train", "push", "--pushes", "a", "--shapes", "b", "--study", "c"], "no visual encoder"),
        (
            [
                "train",
                "push",
                "--models",
                "hyper",
                "--pushes",
                "a",
                "--shapes",
                "b",
                "--study",
                "c",
            ],
            "hyperdynamics",
        ),
        (
            ["train", "push", "--seeds", "-1", "--pushes", "a", "--shapes", "b", "--study", "c"],
            "not negative",
        ),
    ],
)
def test_what_cannot_be_is_said(words, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) != 0
    assert text in capsys.readouterr().err


@pytest.mark.slow
def test_a_small_study_from_the_first_push_to_the_tables(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pybullet")
    from hyperdyn.pushing import save_pusher, save_visual_encoder
    from hyperdyn.training.pushing.push_tables import ABLATIONS, MODELS
    from tests.pushing.pushers import pusher, visual

    monkeypatch.chdir(tmp_path)
    models = tmp_path / "models"
    save_visual_encoder(visual(), models / "visual")
    for name in (*MODELS, *ABLATIONS):
        kind = name if name in MODELS else "hyperdynamics"
        sizes = {"pushes": 5, "experts": 24, "cropping": name != "no-cropping"}
        save_pusher(pusher(kind, **sizes), models / f"{name}-0")
    words = ["tables", "push", "--json", "t.json", "--models", "models", "--episodes", "20"]
    words += ["--trials", "1", "--workers", "2"]
    assert main(words) == 0, capsys.readouterr().err
    found = json.loads((tmp_path / "t.json").read_text())
    assert set(found) == {"table1", "table2", "table4", "planners", "regeneration", "setting"}
    assert found["table1"]["direct"]["novel"]["episodes"] > 0
    assert set(found["table2"]["hyperdynamics"]["seen"]) >= {"free", "obstacles"}
    stamps = {file: file.stat().st_mtime_ns for file in tmp_path.glob("t.cells/*.json")}
    (tmp_path / "t.json").unlink()
    assert main(words) == 0
    assert json.loads((tmp_path / "t.json").read_text()) == found
    assert {file: file.stat().st_mtime_ns for file in stamps} == stamps


def test_the_options_of_locomotion_are_those_of_its_library():
    assert KNOWN_TABLES == tuple(TABLES)


def test_without_a_study_the_packaged_runs_are_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shorten_episodes(monkeypatch)
    words = ["tables", "locomotion", "--json", "t.json", "--tables", "3", "--tasks", "ant-slope"]
    words += ["--samples", "20", "--horizon", "2", "--episodes", "1", "--workers", "1"]
    assert main(words) == 0, capsys.readouterr().err
    rows = json.loads((tmp_path / "t.json").read_text())["table3"]["ant-slope"]
    assert {"hyperdynamics", "recurrent", "expert_ensemble"} <= set(rows)


def test_a_study_of_locomotion_from_its_runs_to_the_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shorten_episodes(monkeypatch)
    study_of(tmp_path / "runs", ["cheetah-slope"], ["hyperdynamics", "direct"], [0])
    words = [*WALK, "--tables", "3", "--samples", "20", "--horizon", "2"]
    words += ["--episodes", "2", "--workers", "1"]
    assert main(words) == 0, capsys.readouterr().err
    found = json.loads((tmp_path / "t.json").read_text())
    assert set(found) == {"table3", "setting"}
    row = found["table3"]["cheetah-slope"]["hyperdynamics"]
    assert set(row) == {"seen", "novel", "novel-low", "novel-high"}
    assert set(row["novel"]) >= {"iqm", "ci95", "returns", "mean", "std", "episodes", "seeds"}
    assert row["novel"]["returns"] == row["novel-low"]["returns"] + row["novel-high"]["returns"]
    assert found["setting"]["missing"]["cheetah-slope"]["film"] == [0]
    assert "film (0)" in (tmp_path / "t.md").read_text()
    assert "107.9" in capsys.readouterr().out
    stamps = {file: file.stat().st_mtime_ns for file in tmp_path.glob("t.cells/*.json")}
    assert len(stamps) == 2 * 3
    (tmp_path / "t.json").unlink()
    add_run(tmp_path / "runs", Run(task="cheetah-slope", model="direct", seed=0), weights=5)
    assert main(words) == 0
    again = json.loads((tmp_path / "t.json").read_text())
    before, after = (each["table3"]["cheetah-slope"] for each in (found, again))
    assert after["hyperdynamics"] == before["hyperdynamics"]
    assert after["direct"] != before["direct"]
    changed = {file.name for file in stamps if file.stat().st_mtime_ns != stamps[file]}
    assert len(changed) == 3
    assert all(name.startswith("cheetah-slope-direct-0.") for name in changed)


def test_tables_stand_in_the_file_while_others_are_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shorten_episodes(monkeypatch)
    study_of(tmp_path / "runs", ["cheetah-slope", "ant-slope"], ["hyperdynamics"], [0])
    (tmp_path / "runs/ant-slope-hyperdynamics-0/model/tensors.safetensors").write_bytes(b"no")
    words = [*WALK, "--tables", "3", "--samples", "20", "--horizon", "2"]
    assert main([*words, "--episodes", "1", "--workers", "1"]) == 1
    assert "ant-slope-hyperdynamics-0" in capsys.readouterr().err
    found = json.loads((tmp_path / "t.json").read_text())
    assert list(found["table3"]) == ["cheetah-slope"]
    assert found["setting"]["waiting"] == {"table3": ["ant-slope"]}
    assert "(table3: ant-slope)" in (tmp_path / "t.md").read_text()
