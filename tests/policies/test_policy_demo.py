"""The demo of policies at tiny sizes: pictures, returns, mistakes answered."""

import json
import os

import numpy as np
import pytest

pytest.importorskip("dm_control")

from hyperdyn import assets
from hyperdyn.cli.demo_policies import DemoPolicies
from hyperdyn.cli.main import main
from hyperdyn.envs.errors import RenderingUnavailableError
from hyperdyn.errors import UnknownNameError
from hyperdyn.training.demonstrations.collection import Source
from hyperdyn.training.demonstrations.planner_expert import PlannerSettings
from hyperdyn.training.policies import quick
from hyperdyn.training.policies.films import film
from hyperdyn.training.policies.quick import QuickTraining
from hyperdyn.training.policies.tables import read_run

imageio = pytest.importorskip("imageio.v3")

TINY = PlannerSettings(hold=3, horizon=2, samples=4, iterations=1, elites=2)
QUICK = QuickTraining(trajectories=1, episode_steps=6, steps=2, kind="uvfa")
OPTIONS = ["--steps", "8", "--candidates", "8", "--horizon", "2", "--workers", "1"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run trained as the demo would, on next to nothing."""
    out = tmp_path_factory.mktemp("quick")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick, "planner_source", lambda task: Source(planner=TINY))
        shown, made = [], []
        for _ in range(2):
            folder = quick.train_quickly(
                "finger-speed", out, QUICK, workers=1, on_episodes=shown.append, on_step=made.append
            )
    assert sum(shown) == 12  # six training specifications, told of twice
    assert folder == out / "policy"
    return folder


def test_a_quick_run_is_an_ordinary_run_of_training_specifications(run):
    found = read_run(run)
    assert (found.task, found.method, found.split, found.steps) == ("finger-speed", "uvfa", 0, 2)


@pytest.mark.slow
def test_the_demo_shows_what_it_says(run, tmp_path, capsys):
    words = ["demo", "policies", "--out", str(tmp_path), "--policy", str(run), *OPTIONS]
    status = main([*words, "--values", "-15", "2"])
    if status == 1 and "OpenGL" in capsys.readouterr().err:
        pytest.skip("no off-screen OpenGL here")
    assert status == 0
    picture = imageio.imread(tmp_path / "gaits.png")
    assert picture.shape == (2 * 270, 2 * 264, 3)  # after steps 3 and 8: a tenth of a second apart
    assert (np.ptp(picture, axis=(0, 1)) > 100).all()
    frames = imageio.imread(tmp_path / "planning.gif", index=None)
    assert len(frames) == 2
    assert frames[0].shape[:2] == (270, 2 * 480)
    found = json.loads((tmp_path / "results.json").read_text())
    assert set(found["policy alone"]) == {"-15", "2"}
    assert found["planning"]["speed"] == -15  # the first value that was not trained on
    assert "speed 2: " in capsys.readouterr().out
    assert not os.path.exists(tmp_path / "demonstrations")


def test_a_film_tells_returns_at_its_pictures():
    class Still:
        def begin(self, envs, generator):
            self.env = envs[0]

        def act(self, observations):
            return observations[:, :2] * 0

    try:
        made = film("finger-speed", {"speed": 3.0}, Still(), steps=6, taken=(6, 2), seed=0)
    except RenderingUnavailableError:
        pytest.skip("no off-screen OpenGL here")
    assert len(made.rewards) == 6
    assert made.returns == pytest.approx([sum(made.rewards[:2]), sum(made.rewards)])
    assert [picture.shape for picture in made.pictures] == [(270, 480, 3)] * 2


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (("--task", "finger-sped"), "Did you mean 'finger-speed'"),
        (("--candidates", "4"), "8 candidates at least; got 4"),
        (("--steps", "0"), "--steps must be at least 1"),
        (("--policy", "nowhere"), "nowhere"),
        (("--seed", "-1"), "--seed must not be negative"),
    ],
)
def test_mistakes_are_answered(tmp_path, capsys, more, text):
    assert main(["demo", "policies", "--out", str(tmp_path / "out"), *OPTIONS, *more]) in (1, 2)
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_a_policy_the_packaged_one_of_the_task_is_shown(tmp_path):
    assert "finger-speed" in assets.policy_tasks()
    for task in assets.policy_tasks():
        given = DemoPolicies(out=tmp_path, task=task)._given()
        assert given == assets.policy(task)
        found = read_run(given)
        assert (found.task, found.kind, found.split) == (task, "hypogen_latent", 0)
    assert DemoPolicies(out=tmp_path, task="finger-length")._given() is None
    with pytest.raises(UnknownNameError, match="finger-speed"):
        assets.policy("finger-sped")
