"""`hyperdyn demo push`, with a stand-in for the trained model and short episodes."""

from pathlib import Path

import gymnasium
import imageio.v3 as imageio
import pytest
import torch

pytest.importorskip("pybullet")
pytest.importorskip("trimesh")

import trimesh

import hyperdyn.envs
from hyperdyn.cli.demo_push import PICTURE, VIDEO, DemoPush
from hyperdyn.cli.main import parse
from hyperdyn.errors import HyperdynError, InputError, UnknownNameError
from hyperdyn.perception import VisualConfig, VisualEncoder
from hyperdyn.pushing import PushingConfig, PushingGenerator, save_pusher, save_visual_encoder
from hyperdyn.training.pushing import pusher, trials
from tests.training.push_standin import Standin

LENGTH = 3


@pytest.fixture
def untrained(tmp_path: Path) -> Path:
    """A model that has learnt nothing."""
    generator = torch.Generator().manual_seed(0)
    visual = VisualEncoder(
        VisualConfig(image_channels=(4, 4), map_widths=(4, 4), map_channels=2), generator=generator
    )
    save_visual_encoder(visual, tmp_path / "study" / "visual")
    model = PushingGenerator(PushingConfig(), visual, generator=generator)
    save_pusher(model, tmp_path / "study" / "model")
    return tmp_path / "study" / "model"


@pytest.fixture
def seeing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in in place of the model, and episodes of a few pushes."""
    monkeypatch.setattr(pusher, "ModelPusher", lambda model: Standin())
    monkeypatch.setattr(
        trials,
        "make",
        lambda name: gymnasium.wrappers.TimeLimit(hyperdyn.envs.make(name), LENGTH),
    )


def demo(untrained: Path, tmp_path: Path, **options: object) -> DemoPush:
    settings = {"object": "mit-rect1", "planner": "paper", "seed": 4, **options}
    return DemoPush(out=tmp_path / "out", model=str(untrained), **settings)  # type: ignore[arg-type]


def check(out: Path, said: str, name: str) -> None:
    frames = imageio.imread(out / VIDEO)
    last = imageio.imread(out / PICTURE)
    pushes = int(said.split("boxes found, ")[1].split(" push")[0])
    assert 1 <= pushes <= LENGTH
    assert len(frames) >= pushes + 1
    assert frames.std() > 20
    assert (frames[0] != frames[-1]).any()
    assert last.shape == frames.shape[1:]
    assert said.startswith(f"{name}: ")
    assert len(said.split("push, cm: ")[1].splitlines()[0].split()) == pushes
    assert str(out / VIDEO) in said


@pytest.mark.usefixtures("seeing")
def test_it_leaves_a_film_a_picture_and_a_report(
    untrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    demo(untrained, tmp_path).prepare()()
    check(tmp_path / "out", capsys.readouterr().out, "mit-rect1")


@pytest.mark.usefixtures("seeing")
def test_a_mesh_of_ones_own_is_pushed(
    untrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    mesh = tmp_path / "brick.obj"
    trimesh.creation.box((0.3, 0.2, 0.2)).export(mesh)
    demo(untrained, tmp_path, object=str(mesh), size=0.09).prepare()()
    check(tmp_path / "out", capsys.readouterr().out, "brick")


def test_an_object_that_is_not_seen_is_said_so(untrained: Path, tmp_path: Path):
    job = demo(untrained, tmp_path).prepare()
    with pytest.raises(HyperdynError, match=r"mit-rect1: .*Try another --seed"):
        job()


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"planner": "icme"}, UnknownNameError, "'icem'"),
        ({"object": "mug-22"}, UnknownNameError, "'mug-2'"),
        ({"object": "no/such.obj"}, InputError, "no mesh no/such.obj"),
    ],
)
def test_what_is_not_there_is_a_usage_error(
    untrained: Path, tmp_path: Path, options: dict[str, str], error: type[Exception], reason: str
):
    with pytest.raises(error, match=reason):
        demo(untrained, tmp_path, **options).prepare()
    assert not (tmp_path / "out").exists()


def test_its_words_are_read(tmp_path: Path):
    words = ["push", "--out", str(tmp_path), "--object", "mug-5", "--planner", "cem", "--seed", "3"]
    command = parse(words, "hyperdyn demo", {"push": DemoPush}, "")
    assert command == DemoPush(out=tmp_path, object="mug-5", planner="cem", seed=3)
