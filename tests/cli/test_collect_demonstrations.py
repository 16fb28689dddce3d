"""`hyperdyn collect demonstrations`: one command from nothing to demonstrations."""

import shlex
import sys

import pytest

from hyperdyn.cli.main import main, parse
from hyperdyn.training.demonstrations import collection
from hyperdyn.training.demonstrations.dataset import Demonstrations
from hyperdyn.training.demonstrations.planner_expert import PlannerSettings

TINY = PlannerSettings(hold=10, horizon=2, samples=4, iterations=1, elites=2)


def words(out, *further):
    return ["collect", "demonstrations", "--task", "finger-speed", "--out", str(out), *further]


def test_a_planner_shows_some_specifications(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(collection.PLANNERS, "finger", TINY)
    asked = words(tmp_path / "shown", "--expert", "planner", "--ids", "3")
    for _ in range(2):
        assert main([*asked, "--trajectories", "1", "--workers", "1"]) == 0
    said = capsys.readouterr().out
    assert "1 episodes of 1 specifications of finger-speed by planner" in said
    shown = Demonstrations.read(tmp_path / "shown")
    assert shown.observations.shape == (1, 1, 1000, 9)
    assert f"mean return {shown.returns.mean():.0f} of 1000" in said


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--expert", "planer"], "Did you mean 'planner'"),
        (["--preset", "papers"], "Did you mean 'paper'"),
        (["--task", "finger-sped"], "Did you mean 'finger-speed'"),
        (["--workers", "0"], "--workers must be at least 1"),
        (["--expert", "sac", "--preset", "small", "--rounds", "0"], "rounds must be at least 1"),
        (["--ids", "30"], "0 to 29"),
        (["--expert", "planner", "--run", "there"], "a planner has none"),
    ],
)
def test_mistakes_are_answered_before_anything_is_done(tmp_path, capsys, further, message):
    assert main(words(tmp_path / "out", *further)) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_the_library_the_extra_is_named(tmp_path, capsys, monkeypatch):
    for name in [
        name for name in sys.modules if name.startswith("hyperdyn.training.demonstrations.sac_")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    assert main(words(tmp_path / "out", "--expert", "sac")) == 1
    assert "pip install 'hyperdyn-toolkit[experts]'" in capsys.readouterr().err


def test_stopped_it_says_how_to_go_on(tmp_path):
    asked = words(tmp_path / "a b", "--expert", "sac", "--preset", "quick", "--ids", "1", "2")
    command = parse([*asked, "--rounds", "3"])
    told = shlex.split(command.when_interrupted.split("Go on with: ")[1])
    assert told[0] == "hyperdyn"
    assert parse(told[1:]) == command
