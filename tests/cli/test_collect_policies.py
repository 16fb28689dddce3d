"""`hyperdyn collect policies`: one command from nothing to actors, and what it refuses."""

import shlex

import pytest

from hyperdyn.cli.main import main, parse
from hyperdyn.training.experts import configs
from hyperdyn.training.experts.policies import ExpertPolicies, collected

TINY = {
    "training": 1,
    "test": 1,
    "sac": configs.SACSettings(hidden=(8,), batch=4),
    "steps": 20,
    "round_steps": 10,
    "learning_starts": 10,
    "buffer": 20,
    "kept_from": 16,
    "kept_every": 2,
    "evaluated": 1,
}


def words(out, *further):
    return ["collect", "policies", "--family", "ant-dir", "--out", str(out), *further]


def test_actors_are_collected_and_reported(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(configs.PRESETS, "quick", TINY)
    for _ in range(2):
        assert main(words(tmp_path / "run", "--preset", "quick", "--threads", "1")) == 0
    tasks = collected(tmp_path / "run")
    assert (len(tasks), tasks[0]) == (2, 6)
    found = ExpertPolicies.read(tmp_path / "run", 6)
    assert found.meta.steps == (16, 18, 20)
    said = capsys.readouterr().out
    assert "3 actors of each of 2 tasks of ant-dir" in said
    assert f"task  6 (test) at 0.2454: last return {found.meta.returns[0]:.1f}" in said


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--preset", "ful"], "Did you mean 'full'"),
        (["--family", "ant-dirs"], "Did you mean 'ant-dir'"),
        (["--threads", "0"], "--threads must be at least 1"),
        (["--device", "gpu"], "cpu"),
        (["--seed", "-1"], "must not be negative"),
    ],
)
def test_what_cannot_be_is_refused_before_work_begins(tmp_path, capsys, further, message):
    assert main(words(tmp_path / "run", *further)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_one_who_stopped_is_told_how_to_go_on(tmp_path):
    command = parse(words(tmp_path / "a run", "--preset", "quick", "--seed", "3", "--threads", "2"))
    again = command.when_interrupted.split("Go on with: ")[1]
    assert parse(shlex.split(again)[1:]) == command
