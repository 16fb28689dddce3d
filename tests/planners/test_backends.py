"""Diverging models, for every planner over every way a rollout is computed."""

import dataclasses
import math

import pytest
import torch

from hyperdyn.dynamics import GeneratedDynamics
from hyperdyn.networks import MLPSpec, join_parameters
from hyperdyn.planners import (
    CEM,
    ICEM,
    MPC,
    MPPI,
    ControlCost,
    Ensemble,
    GoalPosition,
    Mixture,
    Plan,
    PlanStatus,
    RandomShooting,
    Share,
    StateBox,
)
from hyperdyn.rollout import cpu_kernel, reference
from hyperdyn.states import Field, StateSpace

OK, NONE_FINITE = PlanStatus.OK, PlanStatus.NO_FINITE_CANDIDATE
EDGE, SAMPLES, HORIZON = 0.5, 500, 6
OBJECTIVE = GoalPosition((0,), target=1.0) + ControlCost(weight=0.1)
IDLE = -float(HORIZON)  # return of standing still


def model(systems: int = 1, *, edge: float = EDGE, dtype=torch.float32) -> GeneratedDynamics:
    """Integrators s ← s + 0.2 a₀ that turn infinite as soon as a₀ passes the edge."""
    spec = MLPSpec(sizes=(3, 2, 1), activation="relu")
    one, huge = torch.eye(3, dtype=dtype)[1], torch.finfo(dtype).max
    layers = [
        # A line that a rectifier leaves alone, and one that is above zero beyond the edge only.
        (torch.stack([one, huge * one]), torch.tensor([1.0, -huge * edge], dtype=dtype)),
        (torch.tensor([[0.2, huge]], dtype=dtype), torch.tensor([-0.2], dtype=dtype)),
    ]
    row = join_parameters([(w[None], b[None]) for w, b in layers])
    space = StateSpace((Field(name="x"),))
    return GeneratedDynamics(spec, space, row.repeat(systems, 1))


def plain(states, actions):
    """The same objective as a user's function, which no kernel inlines."""
    return OBJECTIVE(states, actions)


BACKENDS = {
    "kernel": (lambda: model(), OBJECTIVE),
    "kernel with constraints": (lambda: model(), OBJECTIVE.subject_to(StateBox((0,), low=-9.0))),
    "kernel, trajectories": (lambda: model(), plain),
    "reference": (lambda: model(dtype=torch.float64), OBJECTIVE),
    "ensemble": (lambda: Ensemble((model(), model(edge=EDGE + 0.1))), OBJECTIVE),
    "GPU": (lambda: model().to("cuda"), OBJECTIVE),
}


@pytest.fixture(params=list(BACKENDS))
def backend(request: pytest.FixtureRequest):
    """Dynamics, objective, state and generator on the device of a backend."""
    if request.param == "GPU" and not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    make, objective = BACKENDS[request.param]
    dynamics = make()
    like = dynamics.members[0].parameters if isinstance(dynamics, Ensemble) else dynamics.parameters
    rng = torch.Generator(like.device).manual_seed(0)
    return dynamics, objective, torch.zeros(1, 1).to(like), rng


@pytest.fixture(params=[RandomShooting, CEM, ICEM, MPPI])
def planner(request: pytest.FixtureRequest):
    return request.param(horizon=HORIZON, samples=SAMPLES)


class Dangerous:
    """Gentle sequences, but for the last `count`, which pass the edge at their third action."""

    def __init__(self, count: int) -> None:
        self.count = count

    def propose(self, dynamics, state, n, *, horizon, low, high, generator):
        size = (len(state), n, horizon, len(low))
        actions = 0.4 * torch.rand(size, generator=generator, dtype=low.dtype, device=low.device)
        actions[:, n - self.count :, 2, 0] = 0.9
        return actions


def two_actions(planner):
    return dataclasses.replace(planner, low=(-1.0, -1.0), high=(1.0, 1.0))


def check(plan: Plan) -> None:
    assert plan.actions.isfinite().all()
    assert (plan.actions.abs() <= 1.0).all()


def test_the_backends_are_what_they_are_called(monkeypatch):
    calls = []
    for module, name in ((cpu_kernel, "rollout"), (cpu_kernel, "Scorer"), (reference, "rollout")):
        own, called = getattr(module, name), f"{module.__name__.split('.')[-1]}.{name}"

        def spy(*arguments, own=own, called=called):
            calls.append(called)
            return own(*arguments)

        monkeypatch.setattr(module, name, spy)
    used = {}
    for name, (make, objective) in BACKENDS.items():
        if name != "GPU":
            calls.clear()
            dynamics = make()
            dtype = torch.float64 if name == "reference" else torch.float32
            RandomShooting(samples=3, horizon=2, low=(-1.0, -1.0), high=(1.0, 1.0)).plan(
                dynamics, torch.zeros(1, 1, dtype=dtype), objective, generator=torch.Generator()
            )
            used[name] = set(calls)
    assert used == {
        "kernel": {"cpu_kernel.Scorer"},
        "kernel with constraints": {"cpu_kernel.Scorer"},
        "kernel, trajectories": {"cpu_kernel.rollout"},
        "reference": {"reference.rollout"},
        "ensemble": {"cpu_kernel.Scorer", "cpu_kernel.rollout"},  # and what they disagree on
    }


@pytest.mark.parametrize("count", [1, SAMPLES - 1])
def test_some_candidates_diverge(planner, backend, count):
    dynamics, objective, state, rng = backend
    planner = two_actions(planner)
    plan = planner.plan(dynamics, state, objective, proposal=Dangerous(count), generator=rng)
    check(plan)
    assert plan.status == (OK,)
    assert (plan.actions[..., 0] <= EDGE).all(), "the model never promised a finite return there"
    assert plan.expected_return.isfinite().all()
    assert plan.nonfinite_fraction[0] >= count / (SAMPLES * plan.iterations + 1)
    # Warm start: the next plan is as good or better.
    second = planner.plan(dynamics, state, objective, previous=plan, generator=rng)
    check(second)
    assert second.status == (OK,)


def test_all_candidates_diverge_and_the_model_recovers(planner, backend):
    dynamics, objective, state, rng = backend
    controller = MPC(two_actions(planner), objective, generator=rng)
    controller.act(dynamics, state)
    before = controller.last_plan
    for _ in range(3):
        controller.act(dynamics, state * math.nan)
        plan = controller.last_plan
        check(plan)
        assert plan.status == (NONE_FINITE,)
        assert plan.expected_return.isneginf().all()
        assert plan.nonfinite_fraction.item() == 1.0
    assert torch.equal(plan.actions[:, : HORIZON - 3], before.actions[:, 3:])
    controller.act(dynamics, state)
    check(controller.last_plan)
    assert controller.last_plan.status == (OK,)
    assert controller.last_plan.expected_return > IDLE


def test_every_proposed_candidate_diverges(backend):
    dynamics, objective, state, rng = backend
    planner = two_actions(RandomShooting(horizon=HORIZON, samples=SAMPLES))
    plan = planner.plan(dynamics, state, objective, proposal=Dangerous(SAMPLES), generator=rng)
    check(plan)
    assert plan.status == (NONE_FINITE,)
    assert not plan.actions.any()


@pytest.mark.parametrize("name", ["kernel", "kernel, trajectories", "reference"])
def test_one_system_of_many_diverges_and_the_others_plan_on(planner, name):
    _, objective = BACKENDS[name]
    dtype = torch.float64 if name == "reference" else torch.float32
    dynamics = model(3, dtype=dtype)
    dynamics.parameters[1] = torch.nan
    plan = two_actions(planner).plan(
        dynamics, torch.zeros(3, 1, dtype=dtype), objective, generator=torch.Generator()
    )
    check(plan)
    assert plan.status == (OK, NONE_FINITE, OK)
    assert plan.nonfinite_fraction[1] == 1.0


def test_a_proposal_of_a_mixture_may_diverge(planner, backend):
    dynamics, objective, state, rng = backend
    mixture = Mixture((Share("dangerous", Dangerous(100), 0.2),))
    plan = two_actions(planner).plan(dynamics, state, objective, proposal=mixture, generator=rng)
    check(plan)
    assert plan.status == (OK,)
    assert plan.dropped == (), "its actions are finite: it is the model that diverges"
