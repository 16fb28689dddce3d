import mujoco
import pytest

from hyperdyn import assets
from hyperdyn.errors import UnknownNameError


def test_every_robot_compiles():
    assert "half_cheetah" in assets.robot_names()
    for name in assets.robot_names():
        assert mujoco.MjModel.from_xml_path(str(assets.robot(name))).nu > 0


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="'half_cheetah'"):
        assets.robot("half_cheeta")
    with pytest.raises(UnknownNameError, match="pretrained model"):
        assets.pretrained("../robots")


def test_pretrained_folders_are_those_with_a_config(tmp_path, monkeypatch):
    monkeypatch.setattr(assets.importlib.resources, "files", lambda package: tmp_path)
    (tmp_path / "pretrained" / "ant").mkdir(parents=True)
    (tmp_path / "pretrained" / "ant" / "config.json").write_text("{}")
    (tmp_path / "pretrained" / "notes").mkdir()
    assert assets.pretrained_names() == ("ant",)
    assert assets.pretrained("ant") == tmp_path / "pretrained" / "ant"
