"""`hyperdyn collect push`, as its command is made and run."""

from pathlib import Path

import pytest

pytest.importorskip("pybullet")

from hyperdyn.cli.collect import Collect
from hyperdyn.errors import InputError, UnknownNameError
from hyperdyn.training.pushing import PRESETS, PushingDataset


def command(out: Path, **options) -> Collect:
    return Collect(**{"task": "push", "out": out, "workers": 1, **options})


def test_presets_are_the_papers_number_with_images_and_a_quick_look(tmp_path: Path):
    paper = command(tmp_path, preset="paper")._config()
    assert (paper.episodes, paper.images, paper.pushes) == (50_000, True, 5)
    assert PRESETS["quick"].episodes == 500
    fewer = command(tmp_path, preset="paper", episodes=20, seed=4, split="novel")._config()
    assert (fewer.episodes, fewer.images, fewer.seed, fewer.split) == (20, True, 4, "novel")


def test_it_writes_says_how_episodes_ended_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "data"
    command(out, episodes=2).prepare()()
    said = capsys.readouterr().out
    assert "2 episodes of push" in said
    assert "left table:" in said
    assert PushingDataset(out).endings()["complete"] <= 2
    stamp = (out / "shards" / "00000").stat().st_mtime_ns
    command(out, episodes=2).prepare()()
    assert (out / "shards" / "00000").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({}, InputError, "--episodes N, or --preset"),
        ({"preset": "papr"}, UnknownNameError, "Did you mean 'paper'"),
        ({"episodes": 0}, InputError, "episodes must be at least 1"),
        ({"episodes": 5, "workers": 0}, InputError, "--workers must be at least 1"),
        ({"episodes": 5, "split": "novl"}, UnknownNameError, "Did you mean 'novel'"),
        ({"episodes": 5, "task": "pusch"}, UnknownNameError, "Did you mean 'push'"),
        ({"episodes": 5, "seed": -1}, InputError, "seed must not be negative"),
    ],
)
def test_mistakes_are_answered_before_anything_is_made(tmp_path, options, error, text):
    out = tmp_path / "data"
    with pytest.raises(error, match=text):
        command(out, **options).prepare()
    assert not out.exists()


def test_who_interrupts_it_is_told_how_to_go_on(tmp_path: Path):
    said = command(tmp_path / "my data", episodes=9, images=True, seed=2).when_interrupted
    assert "hyperdyn collect push --out" in said
    assert "my data'" in said
    for words in ("--episodes 9", "--images", "--split seen", "--workers 1", "--seed 2"):
        assert words in said
    assert "--shapes" not in said
