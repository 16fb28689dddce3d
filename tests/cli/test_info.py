"""`hyperdyn info`."""

import pytest

from hyperdyn.cli import info
from hyperdyn.cli.main import main


def test_info_tells_versions_extras_pictures_presets_and_models(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("MUJOCO_GL", "disabled")
    monkeypatch.setattr(info, "EXTRAS", {"view": ("json",), "push": ("json", "no_such_library")})
    assert main(["info"]) == 0
    said = capsys.readouterr().out
    assert "torch 2." in said
    assert "view: present" in said
    assert "push: missing no_such_library" in said
    assert "MUJOCO_GL=disabled turns rendering off" in said
    assert "cheetah-slope: hyperdynamics" in said
    assert "60 rounds of 5 episodes of 500 steps on hyperdyn/CheetahSlope-v0" in said
    assert "hyperdyn/CheetahSlope-v0: seen, novel, novel-low, novel-high" in said
