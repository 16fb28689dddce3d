"""`hyperdyn tables` and `hyperdyn train push`: what is refused, and a whole small study."""

import json

import pytest

from hyperdyn.cli.main import main


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["tables", "pull", "--json", "t.json"], "push"),
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
