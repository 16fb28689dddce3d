import subprocess
import sys

import gymnasium
import pytest

import hyperdyn.envs
from hyperdyn.errors import UnknownNameError


def test_a_misspelt_id_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'hyperdyn/CheetahSlope-v0'"):
        hyperdyn.envs.make("hyperdyn/CheetaSlope-v0")


def test_ids_of_others_are_made_too():
    assert hyperdyn.envs.make("CartPole-v1").spec.id == "CartPole-v1"


def test_arguments_reach_the_environment():
    env = hyperdyn.envs.make("hyperdyn/CheetahSlope-v0", segments=4, max_episode_steps=7)
    assert env.reset(seed=0)[1]["context"]["heights"].shape == (4,)
    assert env.spec.max_episode_steps == 7


def test_every_id_is_namespaced_and_registered():
    for env_id in hyperdyn.envs.ENV_IDS:
        assert env_id.startswith("hyperdyn/")
        assert env_id in gymnasium.registry


def test_importing_the_ids_loads_no_simulator():
    code = "import sys, hyperdyn.envs; sys.exit('mujoco' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
