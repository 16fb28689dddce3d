"""What plans promise and attain: the simulators of the recorded episodes are asked."""

from dataclasses import replace

import pytest
import torch

import hyperdyn.envs
from hyperdyn.envs.locomotion.true_dynamics import true_dynamics
from hyperdyn.errors import InputError
from hyperdyn.model import DynamicsGenerator, ModelConfig
from hyperdyn.planners import RandomShooting
from hyperdyn.training.collect import RandomAgent, run_episodes
from hyperdyn.training.evaluation import resets_for
from hyperdyn.training.locomotion import promises as module
from hyperdyn.training.locomotion.promises import EVERY, promises
from hyperdyn.training.tasks import TASKS

K, HORIZON, STEPS, EPISODES = 16, 5, 16 + 25 + 5, 3
SLOPE, PIER = (TASKS[f"hyperdyn/Cheetah{name}-v0"] for name in ("Slope", "Pier"))


class Knowing(DynamicsGenerator):
    """Its models are the simulators; or what they say with every way turned about."""

    kind = "knowing"

    def __init__(self, task, monkeypatch, *, turned=False):
        sizes = {"history_length": K, "dynamics_hidden": (4,)}
        config = ModelConfig(state_space=task.state_space, action_dim=task.action_dim, **sizes)
        super().__init__(config, generator=torch.Generator())
        self.envs, self.column, self.turned = [], task.progress_column, turned
        monkeypatch.setattr(module, "make_env", self.make)

    def make(self, env_id):
        self.envs.append(hyperdyn.envs.make(env_id))
        return self.envs[-1]

    def networks(self, history, truth=None):
        raise NotImplementedError

    def generate(self, history, view=None, *, truth=None):
        simulators = true_dynamics([env.unwrapped for env in self.envs])
        return Turned(simulators, self.column) if self.turned else simulators


class Turned:
    def __init__(self, simulators, column):
        self.simulators, self.column = simulators, column
        self.state_dim, self.action_dim = simulators.state_dim, simulators.action_dim
        self.num_systems = simulators.num_systems

    def rollout(self, states, actions):
        states = self.simulators.rollout(states, actions).clone()
        way = states[..., self.column]
        states[..., self.column] = 2 * way[..., :1] - way
        return states


def recorded(task):
    resets = resets_for(task, "seen", EPISODES, seed=0)
    agent = RandomAgent(task.action_dim, torch.Generator().manual_seed(0))
    return run_episodes(task.env_id, agent, resets, STEPS), resets


def appraise(model, task, episodes, resets, **bounds):
    planner = RandomShooting(samples=8, horizon=HORIZON, **bounds)
    return promises(model, episodes, resets, task, planner=planner, seed=0)


@pytest.mark.parametrize("task", [SLOPE, PIER], ids=lambda task: task.env_id)
def test_who_knows_the_simulator_promises_what_comes(task, monkeypatch):
    found = appraise(Knowing(task, monkeypatch), task, *recorded(task))
    assert found.attained.shape == (EPISODES,)
    torch.testing.assert_close(found.promised, found.attained, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.rank, torch.ones(EPISODES), rtol=0, atol=1e-4)


def test_who_has_every_way_turned_about_promises_too_much_and_ranks_badly(monkeypatch):
    found = appraise(Knowing(SLOPE, monkeypatch, turned=True), SLOPE, *recorded(SLOPE))
    assert (found.rank < 0.5).all()  # what actions cost it knows
    assert (found.promised > found.attained).all()
    assert (found.best > found.attained).all()


def test_a_plan_attains_what_its_actions_bring_from_that_moment_on(monkeypatch):
    episodes, resets = recorded(SLOPE)
    still = {"low": -1e-6, "high": 1e-6}
    found = appraise(Knowing(SLOPE, monkeypatch), SLOPE, episodes, resets, **still)
    returns = []
    for moment in (K, K + EVERY):
        env = hyperdyn.envs.make(SLOPE.env_id)
        env.reset(seed=resets[1].seed, options=resets[1].options)
        for action in episodes.actions[1, :moment]:
            env.step(action.numpy())
        zeros = torch.zeros(SLOPE.action_dim).numpy()
        returns.append(sum(float(env.step(zeros)[1]) for _ in range(HORIZON)))
    assert found.attained[1].item() == pytest.approx(sum(returns) / 2, abs=1e-2)


def test_moments_behind_an_episodes_end_do_not_count(monkeypatch):
    episodes, resets = recorded(SLOPE)
    whole = appraise(Knowing(SLOPE, monkeypatch), SLOPE, episodes, resets)
    lengths = torch.tensor([K + HORIZON - 1, K + HORIZON, STEPS])
    cut = appraise(Knowing(SLOPE, monkeypatch), SLOPE, replace(episodes, lengths=lengths), resets)
    assert len(cut.rank) == 2
    torch.testing.assert_close(cut.attained[1], whole.attained[2])
    assert cut.attained[0] != whole.attained[1]
    short = replace(episodes, lengths=torch.full((EPISODES,), K))
    with pytest.raises(InputError, match="record longer ones"):
        appraise(Knowing(SLOPE, monkeypatch), SLOPE, short, resets)


def test_episodes_that_come_out_otherwise_are_refused(monkeypatch):
    episodes, resets = recorded(SLOPE)
    with pytest.raises(InputError, match="comes out otherwise from step 1 on"):
        appraise(Knowing(SLOPE, monkeypatch), SLOPE, episodes, resets[::-1])
