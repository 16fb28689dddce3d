"""Everybody scores the same candidates alike, and plans within the bounds."""

from dataclasses import replace

import pytest
import torch

from hyperdyn.benchmarks import ours
from hyperdyn.benchmarks.baselines import BASELINES, torch_preallocated
from hyperdyn.benchmarks.problems import CONTROL, Problem, make_problem
from hyperdyn.benchmarks.settings import Budget
from hyperdyn.benchmarks.torch_models import MODELS
from hyperdyn.benchmarks.torch_rollout import TorchRollout
from tests.benchmarks.sizes import TINY

BUDGET = Budget(iterations=2)


@pytest.fixture(
    params=[("locomotion", 1), ("locomotion", 3), ("pushing", 1), ("pushing", 3)],
    ids=lambda param: f"{param[0]}-{param[1]}",
)
def problem(request: pytest.FixtureRequest, rng: torch.Generator) -> Problem:
    task, systems = request.param
    return make_problem(replace(TINY, task=task, systems=systems), rng)


@pytest.fixture
def wanted(problem: Problem) -> torch.Tensor:
    """Returns by the definition, one step after the other."""
    states = problem.dynamics.rollout(problem.states, problem.candidates)
    total = -CONTROL * problem.candidates.square().sum(dim=(-2, -1))
    for t in range(TINY.horizon):
        total += problem.reward.of_states(states[:, :, t], states[:, :, t + 1])
    return total


def close(found: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_our_rollout_returns_what_the_rewards_add_up_to(problem: Problem, wanted: torch.Tensor):
    close(ours.rollout(problem)(), wanted)


@pytest.mark.parametrize("features_first", [False, True])
def test_the_preallocated_rollout_returns_the_same_again_and_again(
    problem: Problem, wanted: torch.Tensor, features_first: bool
):
    rollout = TorchRollout(problem, features_first=features_first)
    close(rollout.returns(problem.candidates), wanted)
    close(rollout.returns(problem.candidates[:, :4]), wanted[:, :4])
    close(rollout.returns(problem.candidates), wanted)


@pytest.mark.parametrize("name", MODELS)
def test_models_for_peers_roll_out_and_step_alike(
    problem: Problem, wanted: torch.Tensor, name: str
):
    model = MODELS[name](problem)
    close(model.returns(problem.candidates), wanted)
    states = problem.states[:, None].expand(-1, TINY.candidates, -1)
    actions = problem.candidates[:, :, 0]
    after = problem.dynamics.rollout(problem.states, problem.candidates)[:, :, 1]
    close(model.step(states, actions), after)
    close(model.step(states.flatten(0, 1), actions.flatten(0, 1)), after.flatten(0, 1))


def test_the_compiled_baseline_is_given_the_same_function(
    problem: Problem, wanted: torch.Tensor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch, "compile", lambda function, **settings: function)
    close(BASELINES["torch.compile"](problem, BUDGET)["rollout"](), wanted)


def test_plain_torch_planners_stay_within_the_bounds(problem: Problem):
    calls = torch_preallocated(problem, BUDGET)
    for name in ("random-shooting", "cem", "mppi"):
        plan = calls[name]()
        assert plan.abs().max() <= 1
        assert plan.isfinite().all()


@pytest.mark.parametrize("name", ours.PLANNERS)
def test_every_planner_rolls_out_the_same_number_of_candidates(name: str):
    planner = ours.make_planner(name, TINY, BUDGET, threads=1)
    assert planner.iterations == BUDGET.rounds(name)
    assert {planner.population(rounds) for rounds in range(planner.iterations)} == {10}
    assert planner.horizon == TINY.horizon
    assert planner.threads == 1


def test_our_contestants_run(problem: Problem):
    for call in ours.contestants(problem, BUDGET, 1).values():
        call()
        call()


def test_a_system_alone_is_a_row_of_the_problem(problem: Problem):
    alone = problem.system(problem.workload.systems - 1)
    assert alone.workload.systems == 1
    close(ours.rollout(alone)(), ours.rollout(problem)()[-1:])
