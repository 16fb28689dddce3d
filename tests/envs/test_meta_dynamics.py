"""The simulators of meta tasks as dynamics: what the environment would do, see and pay."""

import numpy as np
import pytest
import torch

from hyperdyn.envs import make
from hyperdyn.envs.meta.true_dynamics import MetaSimulators
from hyperdyn.errors import InputError

STEPS = 5


def begun(env_id, tasks):
    envs = [make(env_id).unwrapped for _ in tasks]
    for seed, (env, task) in enumerate(zip(envs, tasks, strict=True)):
        env.reset(seed=seed, options={"task": task})
    return envs


@pytest.mark.parametrize(
    ("env_id", "contacts"), [("hyperdyn/CheetahVel-v0", 0.0), ("hyperdyn/AntDir-v0", 0.04)]
)
def test_a_rollout_is_what_the_environments_do(env_id, contacts):
    envs = begun(env_id, (3, 30))
    rng = np.random.default_rng(0)
    for env in envs:
        for _ in range(20):  # down on the ground
            env.step(rng.uniform(-0.2, 0.2, env.action_space.shape))
    simulators = MetaSimulators(envs)
    start = simulators.states()
    actions = torch.from_numpy(rng.uniform(-1, 1, (2, 1, STEPS, envs[0].action_space.shape[0])))
    warm = np.stack([env.data.qacc_warmstart for env in envs])
    states = simulators.dynamics.rollout(start, actions, warmstart=warm)
    returns = np.zeros(2)
    for index, env in enumerate(envs):
        seen = states[index, 0, :, simulators.view.observation].numpy()
        np.testing.assert_allclose(seen[0], env._observe(), atol=1e-9)
        over = False
        for step in range(STEPS):
            observation, reward, terminated, *_ = env.step(actions[index, 0, step].numpy())
            np.testing.assert_allclose(seen[step + 1], observation, atol=1e-6)
            returns[index] += 0.0 if over else reward
            over |= terminated
    found = simulators.objective(states, actions)[:, 0].numpy()
    short = found - returns
    assert (short > -1e-4).all()
    assert (short < STEPS * contacts + 1e-4).all()
    torch.testing.assert_close(simulators.states(), states[:, 0, -1], rtol=0, atol=1e-6)


def test_after_a_fall_nothing_is_earned():
    envs = begun("hyperdyn/AntDir-v0", (6,))
    simulators = MetaSimulators(envs)
    states = simulators.states()[:, None, None].repeat(1, 2, 4, 1)
    direction = torch.tensor(envs[0].task_value).double()
    way = 0.05 * torch.arange(4)[:, None] * torch.stack((direction.cos(), direction.sin()))
    states[0, :, :, :2] = way
    states[0, 1, 2, 2] = 1.5
    found = simulators.objective(states, torch.zeros(1, 2, 3, 8).double())
    # A metre a second and being alive: 2 a step, of three steps or of two.
    torch.testing.assert_close(found, torch.tensor([[6.0, 4.0]]).double())


def test_what_it_cannot_be_made_of_is_refused():
    ant, cheetah = begun("hyperdyn/AntDir-v0", (6,)), begun("hyperdyn/CheetahVel-v0", (2,))
    for envs in ([], ant + cheetah):
        with pytest.raises(InputError, match="one family"):
            MetaSimulators(envs)
    with pytest.raises(InputError, match="reset"):
        MetaSimulators([make("hyperdyn/AntDir-v0").unwrapped])
