"""`hyperdyn plan`: the episode, its film, and machines that cannot film."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import torch

from hyperdyn import HyperDynamics
from hyperdyn.cli.main import main
from hyperdyn.cli.videos import write_video
from hyperdyn.envs import RenderingUnavailableError, make
from hyperdyn.training.presets import PRESETS
from hyperdyn.training.tasks import TASKS

ROOT = Path(__file__).resolve().parents[2]
ENV = "hyperdyn/CheetahSlope-v0"
SMALL = ("planner:cem", "--planner.samples", "6", "--planner.elites", "2", "--planner.horizon", "2")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: torch.Generator) -> str:
    """Folder of an untrained generator; episodes have 40 steps."""
    monkeypatch.setitem(TASKS, ENV, replace(TASKS[ENV], episode_steps=40))
    HyperDynamics(PRESETS["cheetah-slope"].model, generator=rng).save(tmp_path / "model")
    return str(tmp_path / "model")


def can_render() -> bool:
    env = make(ENV, render_mode="rgb_array", width=16, height=16)
    try:
        env.reset(seed=0)
        env.render()
    except RenderingUnavailableError:
        return False
    finally:
        env.close()
    return True


def test_plan_without_a_video_tells_the_return(model: str, capsys: pytest.CaptureFixture[str]):
    assert main(["plan", model, "--env", ENV, *SMALL]) == 0
    said = capsys.readouterr().out
    assert "in 40 steps" in said
    assert "'OK': 24" in said  # 40 steps less the 16 watched


def test_a_log_gets_a_line_a_while_where_a_terminal_gets_a_bar(model: str):
    words = ["plan", model, "--env", ENV, "--planner.samples", "2", "--planner.horizon", "1"]
    result = subprocess.run(
        [sys.executable, "-m", "hyperdyn", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert "in 500 steps" in result.stdout
    assert result.stderr.count("plan:") < 5


def test_plan_films_25_pictures_a_second(model: str, tmp_path: Path):
    video = tmp_path / "films" / "run.gif"
    status = main(["plan", model, "--env", ENV, "--video", str(video), *SMALL])
    if can_render():
        assert status == 0
        assert len(imageio.imread(video)) == 10
    else:
        assert status == 1
        assert not video.exists()


def test_a_machine_that_cannot_film_is_told_what_to_install(
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("MUJOCO_GL", "disabled")
    video = tmp_path / "run.mp4"
    assert main(["plan", model, "--env", ENV, "--video", str(video), *SMALL]) == 1
    assert "MUJOCO_GL" in capsys.readouterr().err
    assert not video.exists()


def test_a_format_that_cannot_be_written_is_refused_before_planning(
    model: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["plan", model, "--env", ENV, "--video", "run.avi"]) == 2
    assert ".gif, .mp4, .png" in capsys.readouterr().err


# imageio leaves the pipes of a finished ffmpeg to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_written_videos_read_back(tmp_path: Path, suffix: str):
    frames = [np.full((54, 96, 3), shade, np.uint8) for shade in (20, 120, 220)]
    write_video(tmp_path / f"v{suffix}", frames, fps=25.0)
    plugin = {".gif": "pillow", ".mp4": "FFMPEG"}[suffix]
    read = np.stack(list(imageio.imiter(tmp_path / f"v{suffix}", plugin=plugin)))
    assert read.shape == (3, 54, 96, 3)
    assert np.allclose(read.mean((1, 2, 3)), (20, 120, 220), atol=8)


def test_a_strip_has_the_first_picture_the_last_and_some_between(tmp_path: Path):
    frames = [np.full((4, 8, 3), shade, np.uint8) for shade in range(0, 110, 10)]
    write_video(tmp_path / "strip.png", frames, fps=25.0)
    read = imageio.imread(tmp_path / "strip.png")
    assert read.shape == (4, 6 * 8, 3)
    assert read[0, ::8, 0].tolist() == [0, 20, 40, 60, 80, 100]
    write_video(tmp_path / "two.png", frames[:2], fps=25.0)
    assert imageio.imread(tmp_path / "two.png")[0, ::8, 0].tolist() == [0, 10]
