"""MetaWorld's tasks with the MuJoCo of today: drawn by seed, solved by their experts."""

import importlib

import numpy as np
import pytest

from hyperdyn.envs.meta.metaworld import (
    SEEN,
    UNSEEN,
    MetaWorldTask,
    ScriptedExpert,
)
from hyperdyn.errors import HyperdynError, InputError, UnknownNameError


def test_without_metaworld_it_is_said_what_to_install(monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    for kind in (MetaWorldTask, ScriptedExpert):
        with pytest.raises(HyperdynError, match="pip install --no-deps metaworld"):
            kind("door-open")
        with pytest.raises(UnknownNameError, match="'door-open'"):
            kind("door-opn")
    assert len({*SEEN, *UNSEEN}) == 16


@pytest.fixture
def metaworld():
    return pytest.importorskip("metaworld")


def test_experts_solve_tasks_that_differ_by_seed(metaworld):
    for task in ("drawer-close", "button-press"):
        env, expert = MetaWorldTask(task), ScriptedExpert(task)
        goals = []
        for seed in range(2):
            seen, info = env.reset(seed=seed)
            goals.append(seen[-3:])
            assert info["context"] == {"task": task}
            solved = False
            for _ in range(env.horizon):
                seen, reward, terminated, truncated, info = env.step(expert.act(seen))
                assert 0 <= reward <= 10
                assert seen in env.observation_space
                assert not terminated
                assert not info["diverged"]
                solved |= info["success"]
                if solved or truncated:
                    break
            assert solved
        assert np.abs(goals[0] - goals[1]).max() > 1e-3
        again, _ = env.reset(seed=1)
        np.testing.assert_array_equal(again[-3:], goals[1])
        env.close()


def test_what_it_cannot_do_is_refused(metaworld):
    env = MetaWorldTask("door-open")
    with pytest.raises(InputError, match="split"):
        env.reset(options={"split": "train"})
    env.reset(seed=0)
    with pytest.raises(InputError):
        env.step(np.zeros(3))
    env.close()
