import ctypes.util

import pytest

import hyperdyn.envs
from hyperdyn.envs import RenderingUnavailableError
from hyperdyn.errors import InputError


def make(**kwargs):
    env = hyperdyn.envs.make("hyperdyn/CheetahSlope-v0", **kwargs)
    env.reset(seed=0)
    return env


def test_without_opengl_the_error_says_what_to_install(monkeypatch):
    for name in ("MUJOCO_GL", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    env = make(render_mode="rgb_array")
    with pytest.raises(RenderingUnavailableError, match="libegl1 libegl-mesa0 libgl1-mesa-dri"):
        env.render()
    env.step(env.action_space.high)


def test_a_backend_that_does_not_start_is_the_same_error(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "cgl")
    env = make(render_mode="rgb_array")
    monkeypatch.setattr("importlib.import_module", lambda name: object())
    with pytest.raises(RenderingUnavailableError, match="cgl does not start"):
        env.render()


def test_rendering_turned_off_is_said_to_be_off(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "off")
    with pytest.raises(RenderingUnavailableError, match="MUJOCO_GL=off"):
        make(render_mode="rgb_array").render()


def test_without_a_render_mode_there_is_no_picture():
    assert make().unwrapped.render() is None


@pytest.mark.parametrize("size", [{"width": 0}, {"height": 5000}])
def test_a_picture_size_that_cannot_be_is_refused(size):
    with pytest.raises(InputError, match="pixels"):
        make(render_mode="rgb_array", **size)
