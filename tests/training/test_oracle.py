"""The word `simulator` in place of a model: an oracle plans with the environments themselves."""

import json
from dataclasses import replace
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch

import hyperdyn.envs
from hyperdyn.cli.main import main
from hyperdyn.errors import InputError
from hyperdyn.planners import CEM
from hyperdyn.training import evaluation
from hyperdyn.training.collect import SIMULATOR, OracleAgent
from hyperdyn.training.evaluation import evaluate
from hyperdyn.training.tasks import TASKS

ENV = "hyperdyn/CheetahSlope-v0"
PLANNER = CEM(horizon=10, samples=16, iterations=2, elites=4)
WORDS = ("planner:cem", "--planner.samples", "16", "--planner.iterations", "2")
FEW = ("--planner.elites", "4", "--planner.horizon", "10")


@pytest.fixture(autouse=True)
def _short_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, ENV, replace(TASKS[ENV], episode_steps=40))
    monkeypatch.setattr(evaluation, "LOCKSTEP", 2)


def run(model, **changes):
    arguments = {"episodes": 3, "seed": 0, "planner": PLANNER, "progress": False, **changes}
    return evaluate(model, ENV, "novel-high", **arguments)


def test_the_oracle_plans_at_every_step_and_beats_chance_on_the_same_ground():
    (oracle, planned), (chance, drawn) = run(SIMULATOR, name="oracle"), run(None)
    assert planned.contexts == drawn.contexts
    assert torch.equal(planned.states[:, 0], drawn.states[:, 0])
    assert oracle.statuses["OK"] == 3 * 40
    assert oracle.plans_per_second > 0
    assert (oracle.setting["kind"], oracle.setting["planner"]["name"]) == ("simulator", "CEM")
    assert min(oracle.returns) > max(chance.returns) + 5  # measured: 3 and -9


def test_the_same_seed_gives_the_oracle_the_same_numbers():
    first, again, other = (run(SIMULATOR, episodes=1, seed=seed)[0].returns for seed in (0, 0, 1))
    assert first == again != other


def test_what_the_oracle_expects_is_what_happens(rng):
    envs = [hyperdyn.envs.make(ENV) for _ in range(2)]
    states = torch.tensor(np.stack([env.reset(seed=i)[0] for i, env in enumerate(envs)])).float()
    agent = OracleAgent(PLANNER, TASKS[ENV].objective(), rng)
    agent.reset(2)
    agent.enter(envs)
    for _ in range(30):
        actions = agent.act(states)
        seen = [env.step(a.numpy())[0] for env, a in zip(envs, actions, strict=True)]
        states = torch.tensor(np.stack(seen)).float()
    # From here to the plans' end: the return promised is the return that comes.
    agent.act(states)
    plan = agent.controller.last_plan
    totals = [
        sum(env.step(action.numpy())[1] for action in actions)
        for env, actions in zip(envs, plan.actions, strict=True)
    ]
    np.testing.assert_allclose(plan.expected_return, totals, rtol=1e-3, atol=1e-2)


def test_an_environment_without_a_simulator_of_ours_is_refused(rng):
    agent = OracleAgent(PLANNER, TASKS[ENV].objective(), rng)
    agent.reset(1)
    with pytest.raises(InputError, match="PendulumEnv has no simulator"):
        agent.enter([gymnasium.make("Pendulum-v1")])


def test_the_command_line_evaluates_and_plans_with_the_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "e.json"
    words = ["evaluate", "simulator", "--env", ENV, "--episodes", "1", "--json", str(file)]
    assert main([*words, *WORDS, *FEW]) == 0
    assert "simulator on" in capsys.readouterr().out
    written = json.loads(file.read_text())
    assert (written["setting"]["kind"], written["setting"]["model"]) == ("simulator", "simulator")
    assert main(["plan", "simulator", "--env", ENV, *WORDS, *FEW]) == 0
    assert "'OK': 40" in capsys.readouterr().out
    assert main(["plan", "simulators", "--env", ENV]) == 2
