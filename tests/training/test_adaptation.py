"""A property that changes within an episode: where it does, and how models' errors answer."""

import math
from dataclasses import replace

import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.generators import load_generator
from hyperdyn.model import DynamicsGenerator, ModelConfig
from hyperdyn.networks import join_parameters
from hyperdyn.planners import RandomShooting
from hyperdyn.states import Field, StateSpace
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.locomotion import adaptation
from hyperdyn.training.locomotion.adaptation import (
    AFTER,
    BEFORE,
    adaptation_episodes,
    adaptation_errors,
    change_steps,
)
from hyperdyn.training.locomotion.adaptation_figure import draw_adaptation, lag_words
from hyperdyn.training.locomotion.adaptation_lag import curve, lag
from hyperdyn.training.tasks import TASKS

FLIP, SLOPE, PIER = (TASKS[f"hyperdyn/Cheetah{name}-v0"] for name in ("Flip", "Slope", "Pier"))
PLANNER = RandomShooting(horizon=3, samples=16)
SHORT = {"before": 10, "after": 20, "change_step": 40}
NOISE = 0.01
K = 16


class Gain(DynamicsGenerator):
    """Predicts x' = x + 0.1 g a, where g is what a subclass makes of the history or the truth."""

    kind = "gain"

    def __init__(self):
        space = StateSpace((Field(name="x", size=2),))
        config = ModelConfig(
            state_space=space, action_dim=2, history_length=K, dynamics_hidden=(4,)
        )
        super().__init__(config, generator=torch.Generator())

    def networks(self, history, truth=None):
        gain = self.gain(history, truth)[:, None, None]
        both = torch.cat([torch.eye(2), -torch.eye(2)]).expand(len(gain), -1, -1)
        blind = torch.cat([torch.zeros_like(both), both], dim=2)
        first = (blind, torch.zeros(len(gain), 4))
        return join_parameters([first, (0.1 * gain * both.mT, torch.zeros(len(gain), 2))])


class Told(Gain):
    oracle = True

    def gain(self, history, truth):
        return truth[:, 0]


class Watching(Gain):
    def gain(self, history, truth):
        """Least squares over the history, which is gone as a whole K steps after a change."""
        moved, actions = history.states.diff(dim=1), history.actions[:, :-1]
        return (moved * actions).sum((1, 2)) / (0.1 * actions.square().sum((1, 2)))


class Constant(Gain):
    def gain(self, history, truth):
        return torch.ones(len(history.states))


@pytest.fixture
def flipped(rng):
    """Eight episodes whose gain turns from 1 to -1, after 200 steps or some more."""
    changes, steps = 200 + 5 * torch.arange(8), 450
    gain = torch.where(torch.arange(steps) < changes[:, None], 1.0, -1.0)[:, :, None]
    actions = torch.rand(8, steps, 2, generator=rng) * 2 - 1
    noise = NOISE * torch.randn(8, steps, 2, generator=rng)
    moved = torch.cat([torch.zeros(8, 1, 2), 0.1 * gain * actions + noise], dim=1)
    contexts = tuple(
        {"signs": [1.0], "changes": {str(int(change)): {"signs": [-1.0]}}} for change in changes
    )
    return Episodes(
        states=moved.cumsum(1),
        actions=actions,
        rewards=torch.zeros(8, steps),
        lengths=torch.full((8,), steps),
        contexts=contexts,
    )


@pytest.fixture
def task():
    return replace(FLIP, progress_column=0)


def test_a_change_is_found_at_the_step_it_came_with(flipped, task):
    assert change_steps(flipped, task).tolist() == list(range(200, 240, 5))
    still = replace(flipped, contexts=({"signs": [1.0]},) * 8)
    assert change_steps(still, task).tolist() == [-1] * 8
    with pytest.raises(InputError, match="each needs 150 \\+ 16 steps before it"):
        adaptation_errors(Constant(), still, task)


def test_errors_are_those_of_the_next_change_in_its_units(flipped, task):
    errors = adaptation_errors(Constant(), flipped, task)
    assert errors.shape == (8, BEFORE + AFTER)
    assert errors.isfinite().all()
    changes = flipped.states.diff(dim=1)
    std = changes.flatten(0, 1).std(0)
    for row, column in ((0, 0), (3, BEFORE - 1), (3, BEFORE), (7, -1)):
        step = 200 + 5 * row - BEFORE + column % (BEFORE + AFTER)
        off = (changes[row, step] - 0.1 * flipped.actions[row, step]) / std
        assert errors[row, column].item() == pytest.approx(off.square().mean().item(), rel=1e-3)
    # Wrong from the very step of the change on.
    assert errors[:, BEFORE - 1].mean() < 0.1 < errors[:, BEFORE].mean()


@pytest.mark.parametrize("model", [Told(), Watching(), Constant()], ids=lambda m: type(m).__name__)
def test_errors_do_not_depend_on_how_many_are_worked_out_at_once(flipped, task, model):
    whole = adaptation_errors(model, flipped, task, before=30, after=30)
    parts = adaptation_errors(model, flipped, task, before=30, after=30, batch=7)
    torch.testing.assert_close(parts, whole)


def test_who_is_told_is_right_at_once_and_who_watches_once_it_has_seen_enough(flipped, task):
    told = adaptation_errors(Told(), flipped, task)
    # Before a step under new properties was made, nobody can know of them.
    assert told[:, BEFORE].mean() > 0.1
    assert told[:, BEFORE + 1].mean() < 0.05
    found = lag([told], BEFORE)
    assert (found.lag, found.lag_ci95[0]) == (0, 0)
    assert found.back > 0.95
    found = lag([adaptation_errors(Watching(), flipped, task)], BEFORE)
    assert K - 6 <= found.lag <= K + 2
    assert found.lag_ci95[0] <= found.lag <= found.lag_ci95[1] <= K + 10
    assert found.back > 0.99
    assert found.ratio_ci95[0] < 1 < found.ratio_ci95[1]
    assert found.before == pytest.approx(found.after, rel=0.3)
    assert found.peak > 20 * found.before


def test_who_never_adapts_is_never_back(flipped, task, tmp_path):
    errors = adaptation_errors(Constant(), flipped, task)
    found = lag([errors[:4], errors[4:]], BEFORE)
    assert (found.lag, found.lag_ci95, found.back) == (None, (None, None), 0.0)
    assert (found.episodes, found.ratio_ci95[0] > 20) == (8, True)
    assert lag_words(found) == "never [never, never]"
    file = tmp_path / "figure.png"
    assert draw_adaptation({"flip": {"direct": [errors]}, "none": {}}, file)
    assert file.stat().st_size > 10_000
    assert not draw_adaptation({"none": {}}, file)


def test_lags_of_curves_written_by_hand():
    level = torch.full((3, BEFORE + AFTER), 2.0)
    assert lag([level], BEFORE).lag == 0, "nothing happens"
    risen = level.clone()
    risen[:, BEFORE : BEFORE + 33] = 40.0
    found = lag([risen], BEFORE)
    assert found.lag == 33
    assert (found.before, found.peak, found.after) == pytest.approx((2.0, 40.0, 2.0))
    risen[:, BEFORE + 33 :] = 6.0
    assert lag([risen], BEFORE).lag == 33, "settles higher, but lower than half way up"
    assert lag([risen], BEFORE).ratio == pytest.approx(3.0)
    risen[:, BEFORE + 33 :] = 12.0
    assert lag([risen], BEFORE).lag is None, "more than half of the rise, as a factor, stays"
    middle, low, high = curve([level[:1], 4 * level[:1]])
    assert middle == pytest.approx(4.0), "a geometric mean"
    assert (low == high).all(), "no episode can be exchanged for one of another group"


def test_intervals_tell_episodes_apart():
    errors = torch.full((10, BEFORE + AFTER), 1.0)
    for row in range(10):
        errors[row, BEFORE : BEFORE + 10 + 4 * row] = 50.0
    found = lag([errors], BEFORE)
    assert found.back == 1.0
    assert found.lag_ci95[0] < found.lag < found.lag_ci95[1]
    assert lag([errors], BEFORE) == found


def test_too_little_to_measure():
    with pytest.raises(InputError, match="at least one episode in every group"):
        lag([torch.ones(2, 350), torch.ones(0, 350)], BEFORE)
    with pytest.raises(InputError, match="99 steps before the change and 251 from it on"):
        lag([torch.ones(2, 350)], 99)
    with pytest.raises(InputError, match="250 steps before the change and 100 from it on"):
        lag([torch.ones(2, 350)], 250)


@pytest.fixture(scope="module")
def driver():
    return load_generator("cheetah-slope")


def test_what_changes_is_half_the_training_range_away(driver):
    flip = replace(FLIP, episode_steps=60)
    found = adaptation_episodes(flip, driver, episodes=2, seed=1, planner=PLANNER, **SHORT)
    assert change_steps(found, flip).tolist() == [40] * 2
    for row, context in enumerate(found.contexts):
        assert tuple(context["signs"]) == flip.experts[row].truth
        (changed,) = context["changes"].values()
        assert tuple(changed["signs"]) == flip.experts[(row + 2) % 5].truth
    again = adaptation_episodes(flip, driver, episodes=2, seed=1, planner=PLANNER, **SHORT)
    assert torch.equal(found.states, again.states)
    other = adaptation_episodes(flip, driver, episodes=1, seed=2, planner=PLANNER, **SHORT)
    assert not torch.equal(found.states[:1, 0], other.states[:, 0])
    errors = adaptation_errors(driver, found, flip, before=10, after=20)
    assert errors.shape == (2, 30)


def test_blocks_change_their_damping_and_keep_their_friction(driver):
    pier = replace(PIER, episode_steps=60)
    found = adaptation_episodes(pier, driver, episodes=1, seed=1, planner=PLANNER, **SHORT)
    (context,) = found.contexts
    (changed,) = context["changes"].values()
    assert context["damping"] == pytest.approx([0.2] * 8)
    assert changed["damping"] == pytest.approx([0.5] * 8)
    assert changed["friction"] == context["friction"]


def test_slopes_change_where_the_robot_has_got_to(driver, monkeypatch):
    monkeypatch.setattr(adaptation, "SHORTEST", 0.05)
    slope = replace(SLOPE, episode_steps=90)
    options = {"before": 10, "after": 20, "change_step": 60}
    planner = replace(PLANNER, horizon=8, samples=40)
    found = adaptation_episodes(slope, driver, episodes=2, seed=3, planner=planner, **options)
    changes = change_steps(found, slope)
    places = found.states[:, :, slope.progress_column]
    for context, change, place in zip(found.contexts, changes.tolist(), places, strict=True):
        edge = context["segment_length"]
        assert place[: change + 1].max() < edge <= place[change + 1]
        assert abs(change - 60) <= 10
        first, *others = context["heights"]
        assert len(set(others)) == 1
        assert abs(first - others[0]) >= 1.5
        assert "changes" not in context


def test_a_driver_that_stays_where_it_is_meets_no_other_slope(driver):
    slope = replace(SLOPE, episode_steps=60)
    still = RandomShooting(horizon=2, samples=1, low=-1e-6, high=1e-6)
    with pytest.raises(InputError, match="In none of 1 episodes of hyperdyn/CheetahSlope-v0"):
        adaptation_episodes(slope, driver, episodes=1, seed=1, planner=still, **SHORT)
    with pytest.raises(InputError, match="and a change after 26 to 40"):
        adaptation_episodes(
            slope, driver, episodes=1, seed=1, planner=still, **{**SHORT, "change_step": 50}
        )


def test_errors_stay_numbers_where_a_prediction_is_exact():
    errors = torch.zeros(2, BEFORE + AFTER)
    found = lag([errors], BEFORE)
    assert found.lag == 0
    assert math.isfinite(found.ratio)
