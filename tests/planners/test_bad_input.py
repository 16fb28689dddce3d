"""What no planner can work with is refused in a sentence."""

import math

import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.planners import CEM, ICEM, MPPI, Mixture, Share, Uniform

pytestmark = pytest.mark.usefixtures("unchecked")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"horizon": 0}, "horizon must be a whole number of at least 1, got 0"),
        ({"horizon": 2.5}, "horizon must be a whole number of at least 1, got 2.5"),
        ({"horizon": True}, "horizon must be a whole number"),
        ({"samples": 0}, "samples must be a whole number of at least 1, got 0"),
        ({"threads": 0}, "threads must be a whole number of at least 1, got 0"),
        ({"low": 1.0, "high": -1.0}, "bounds cross: in action dimension 0 low is 1 and high is -1"),
        ({"low": (-1.0, 3.0), "high": 2.0}, "in action dimension 1 low is 3 and high is 2"),
        ({"low": 0.5, "high": (1.0, 0.0)}, "in action dimension 1 low is 0.5 and high is 0"),
        ({"low": (-1.0, -1.0), "high": (1.0,)}, "low has 2 numbers and high has 1"),
        ({"high": math.inf}, "high must be finite, got inf"),
        ({"low": (0.0, math.nan)}, "low must be finite"),
        ({"low": ()}, "low must be a number, or a sequence"),
        ({"low": "left"}, "low must be a number, or a sequence"),
        ({"low": None}, "low must be a number, or a sequence"),
    ],
)
def test_settings_that_cannot_be(make_planner, options, text):
    with pytest.raises(InputError, match=text):
        make_planner(**options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"samples": 10, "elites": 11}, "cannot choose 11 elites among 10 samples"),
        ({"elites": 0}, "elites must be a whole number of at least 1"),
        ({"iterations": 0}, "iterations must be a whole number of at least 1"),
        ({"smoothing": 1.0}, "smoothing must be at least 0 and below 1"),
        ({"smoothing": math.nan}, "smoothing must be at least 0 and below 1"),
        ({"initial_std": 0.0}, "initial_std must be above 0"),
        ({"initial_std": (0.1, -0.1)}, "initial_std must be above 0"),
        ({"minimum_std": -0.1}, "minimum_std must be finite, at least 0"),
        ({"horizon": 0}, "horizon must be a whole number"),
    ],
)
@pytest.mark.parametrize("kind", [CEM, ICEM])
def test_elite_settings_that_cannot_be(kind, options, text):
    with pytest.raises(InputError, match=text):
        kind(**options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"samples": 19, "elites": 10}, "twice as many candidates as elites, but has 10 elites"),
        ({"noise_exponent": -0.5}, "noise_exponent must be finite, at least 0"),
        ({"kept_share": 1.5}, "kept_share must be finite, at least 0 and at most 1"),
        ({"shrinking": 0.9}, "shrinking must be finite, at least 1"),
    ],
)
def test_icem_settings_that_cannot_be(options, text):
    with pytest.raises(InputError, match=text):
        ICEM(**options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"iterations": 0}, "iterations must be a whole number of at least 1"),
        ({"std": (0.1, 0.0)}, "std must be above 0"),
        ({"temperature": 0.0}, "temperature must be finite, above 0"),
        ({"temperature": math.inf}, "temperature must be finite, above 0"),
        ({"effective_share": 0.0}, "effective_share must be finite, above 0 and at most 1"),
        ({"window": 0}, "window must be a whole number of at least 1"),
        ({"window": 4}, "window must be odd"),
    ],
)
def test_mppi_settings_that_cannot_be(options, text):
    with pytest.raises(InputError, match=text):
        MPPI(**options)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Mixture(()), "distinct names, got"),
        (lambda: Mixture((Share("a", Uniform(), 0.5), Share("a", Uniform(), 0.1))), "distinct"),
        (lambda: Mixture((Share("a", Uniform(), 0.7), Share("b", Uniform(), 0.4))), "up to 1.1"),
        (lambda: Share("a", Uniform(), 0.0), "share of 'a' must be finite, above 0 and at most 1"),
        (lambda: Share("a", Uniform(), 1.5), "share of 'a' must be finite"),
        (lambda: Mixture((Share("a", Uniform(), 0.5),), rounds=0), "rounds must be a whole number"),
    ],
)
def test_mixtures_that_cannot_be(make, text):
    with pytest.raises(InputError, match=text):
        make()


def test_a_mixture_of_more_proposals_than_candidates(make_planner, point_masses, goal, rng):
    mixture = Mixture(tuple(Share(str(part), Uniform(), 0.005) for part in range(101)))
    with pytest.raises(InputError, match="101 proposals cannot share 100 candidates"):
        make_planner().plan(
            point_masses([1.0]), torch.ones(1, 2), goal, proposal=mixture, generator=rng
        )


@pytest.fixture
def refused(make_planner, point_masses, goal, rng):
    """Plan for two systems of two action dimensions with one thing wrong; return the sentence."""

    def plan(*, planner=None, spoil=None, state=None, objective=goal, **options):
        dynamics = point_masses([1.0, 1.0], axes=2, spoil=spoil)
        state = torch.ones(2, 4) if state is None else state
        threads = torch.get_num_threads()
        with pytest.raises(InputError) as caught:
            make_planner(**(planner or {})).plan(
                dynamics, state, objective, **{"generator": rng, **options}
            )
        assert torch.get_num_threads() == threads
        return str(caught.value)

    return plan


def test_states_that_do_not_fit(refused):
    assert "shape (4,); wanted shape (E, S) = (2, 4)" in refused(state=torch.ones(4))
    assert "shape (3, 4); wanted shape (E, S) = (2, 4)" in refused(state=torch.ones(3, 4))
    assert "a list; wanted shape (E, S) = (2, 4)" in refused(state=[[1.0] * 4] * 2)
    text = refused(state=torch.ones(2, 4, dtype=torch.int64))
    assert "state of torch.int64" in text
    assert "state.float()" in text


def test_bounds_for_other_dimensions(refused):
    text = refused(planner={"low": (-1.0, -1.0, -1.0)})
    assert "low has 3 numbers, but the dynamics takes actions of 2" in text
    assert "high has 1 numbers" in refused(planner={"high": (1.0,)})


@pytest.mark.parametrize("shape", [(3, 6, 2), (2, 5, 2), (2, 6, 1), (6, 2)])
def test_a_previous_plan_of_other_sizes(refused, shape):
    text = refused(previous=torch.zeros(shape))
    assert f"plan got as previous a tensor of shape {shape}" in text
    assert "(E, H, A) = (2, 6, 2)" in text


def test_an_objective_that_returns_something_else(refused):
    text = refused(objective=lambda states, actions: states[..., 0])
    assert "The objective returned a tensor of shape (2, 100, 7)" in text
    assert "(E, N) = (2, 100)" in text
    assert "The objective returned a float" in refused(objective=lambda states, actions: 1.0)


def test_a_rollout_of_another_shape(refused):
    text = refused(spoil=lambda states, actions: states[:, :, 1:])
    assert "The dynamics' rollout returned a tensor of shape (2, 100, 6, 4)" in text
    assert "(E, N, H+1, S) = (2, 100, 7, 4)" in text
    assert "returned a tuple" in refused(spoil=lambda states, actions: (states, actions))


def test_a_proposal_of_another_shape(refused):
    class Short:
        def propose(self, dynamics, state, n, *, horizon, low, high, generator):
            return torch.zeros(len(state), n - 1, horizon, len(low))

    text = refused(proposal=Short())
    assert "The proposal returned a tensor of shape (2, 99, 6, 2)" in text
    assert "(E, N, H, A) = (2, 100, 6, 2)" in text


@pytest.mark.parametrize("deadline", [0.0, -1.0, math.nan, math.inf])
def test_a_deadline_that_cannot_be(refused, deadline):
    assert "deadline must be finite, above 0" in refused(deadline=deadline)


def test_a_generator_of_another_device(refused):
    class Elsewhere:
        device = torch.device("cuda", 0)

    text = refused(generator=Elsewhere())
    assert "generator on cuda:0 and a state on cpu" in text
    assert "torch.Generator('cpu')" in text


def test_a_generator_is_required(make_planner, point_masses, goal):
    with pytest.raises(TypeError, match="generator"):
        make_planner().plan(point_masses([1.0]), torch.ones(1, 2), goal)
