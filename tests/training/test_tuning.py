"""Fine-tuning: the actors' rate and loss, runs that begin from actors, curves that are censored."""

import dataclasses

import numpy as np
import pytest
import torch

from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.training.experts import lockstep
from hyperdyn.training.experts.configs import ActorTuning, SACSettings
from hyperdyn.training.experts.learner import Batch, BatchedSAC
from hyperdyn.training.experts.replay import Replay
from hyperdyn.training.experts.rounds import Round, evaluate
from hyperdyn.training.experts.worlds import MetaWorlds
from hyperdyn.training.metrics import read_metrics
from hyperdyn.training.tuning.configs import TuningConfig, tuning_preset
from hyperdyn.training.tuning.curves import goal, step_ratio, steps_to
from hyperdyn.training.tuning.training import tune
from hyperdyn.training.tuning.tuned import Tuned, TunedMeta

SETTINGS = SACSettings(hidden=(8,), batch=4, learning_rate=1e-3, discount=0.9)
TUNING = ActorTuning(first_rate=1e-5, rise=4, td_weight=0.5)
SCRATCH = TuningConfig(
    family="cheetah-vel",
    tasks=(20, 2),
    sac=SETTINGS,
    steps=60,
    round_steps=20,
    learning_starts=10,
    buffer=60,
    evaluate_every=2,
    evaluated=1,
    repeats=2,
)
GENERATED = dataclasses.replace(SCRATCH, model="abc", tuning=TUNING)


def learner(tuning, rows=2):
    generators = [torch.Generator().manual_seed(n) for n in range(rows)]
    return BatchedSAC(
        SETTINGS, observation_dim=3, action_dim=2, generators=generators, tuning=tuning
    )


def batch(terminated=0.0):
    draws = torch.Generator().manual_seed(9)

    def drawn(*shape):
        return torch.randn(2, 4, *shape, generator=draws)

    return Batch(
        observations=drawn(3),
        actions=drawn(2).tanh(),
        rewards=drawn(),
        following=drawn(3),
        terminated=torch.full((2, 4), terminated),
        noise=drawn(2),
        following_noise=drawn(2),
    )


@pytest.fixture(scope="module")
def start():
    """Actors of 20 observations and 6 actions."""
    shape = (4, 20 * 8 + 8 + 8 * 12 + 12)
    return 0.3 * torch.randn(shape, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def whole(tmp_path_factory, start):
    """A run that nobody stopped."""
    folder = tmp_path_factory.mktemp("tuning") / "whole"
    return folder, tune(GENERATED, folder, start)


def test_the_rate_of_the_actors_rises_on_a_line_and_stays():
    own = learner(dataclasses.replace(TUNING, td_weight=0.0))
    optimiser, found = own.optimiser(), []
    plain = learner(None)
    other = plain.optimiser()
    for _ in range(7):
        own.update(batch(), optimiser)
        plain.update(batch(), other)
        found.append([group["lr"] for group in optimiser.param_groups])
    rates = dict(zip([name for name, _ in own.named_parameters()], np.array(found).T, strict=True))
    rise = 1e-5 + np.array([0, 0.25, 0.5, 0.75, 1, 1, 1]) * (1e-3 - 1e-5)
    np.testing.assert_allclose(rates["actors"], rise)
    assert (rates["critics"] == 1e-3).all()
    assert (rates["log_temperatures"] == 1e-3).all()
    assert {group["lr"] for group in other.param_groups} == {1e-3}
    # Adam's first step is as long as its rate.
    again = learner(dataclasses.replace(TUNING, td_weight=0.0))
    before = again.actors.detach().clone()
    again.update(batch(), again.optimiser())
    moved = (again.actors.detach() - before).abs()
    assert moved.max() == pytest.approx(1e-5, rel=0.02)


def test_actors_wait_for_their_critics_and_then_take_their_first_step():
    own = learner(dataclasses.replace(TUNING, td_weight=0.0, wait=3))
    optimiser, before = own.optimiser(), own.actors.detach().clone()
    for _ in range(3):
        critics = own.critics.detach().clone()
        own.update(batch(), optimiser)
        assert torch.equal(own.actors.detach(), before)
        assert (own.log_temperatures == 0).all()
        assert not torch.equal(own.critics.detach(), critics)
    own.update(batch(), optimiser)
    assert (own.actors.detach() - before).abs().max() == pytest.approx(1e-5, rel=0.02)
    assert (own.log_temperatures != 0).all()


def test_the_first_temperature_weighs_entropy_in_the_first_step():
    found = []
    for temperature in (1.0, 0.02):
        own = learner(dataclasses.replace(TUNING, td_weight=0.0, first_temperature=temperature))
        torch.testing.assert_close(
            own.log_temperatures.detach().exp(), torch.full((2,), temperature)
        )
        own.update(batch(), own.optimiser())
        found.append(own.critics.detach())
    assert not torch.equal(*found)  # entropy is part of the critics' goals
    torch.testing.assert_close(learner(None).log_temperatures.detach(), torch.zeros(2))


@pytest.mark.parametrize(("discounted", "discount"), [(True, 0.9), (False, 1.0)])
@pytest.mark.parametrize("terminated", [0.0, 1.0])
def test_the_temporal_difference_is_the_one_written_down(discounted, discount, terminated):
    tuning = dataclasses.replace(TUNING, td_discounted=discounted)
    own, given = learner(tuning), batch(terminated)
    own.targets.add_(0.1)
    found = own._td_loss(tuning, given)
    actions, _ = own._sample(own.actors, given.following, given.following_noise)
    later = own._values(own.targets, given.following, actions).amin(0)
    now = own._values(own.critics, given.observations, given.actions).amin(0)
    error = given.rewards + discount * (1 - terminated) * later - now
    torch.testing.assert_close(found, error.square().mean(1).sum() / 2)
    (gradient,) = torch.autograd.grad(found, own.actors, allow_unused=True)
    # What a transition led to has no say once the episode is over.
    assert gradient.abs().max() > 0 if terminated == 0.0 else gradient.abs().max() == 0
    assert all(value.grad is None for value in own.parameters())


def test_the_temporal_difference_has_its_weight_in_the_loss():
    def moved(weight, discounted=True):
        tuning = ActorTuning(td_weight=weight, td_discounted=discounted)
        own = learner(tuning)
        own.update(batch(), own.optimiser())
        return own.actors.detach()

    assert not torch.equal(moved(0.0), moved(5.0))
    assert not torch.equal(moved(5.0), moved(5.0, discounted=False))
    torch.testing.assert_close(moved(0.0), moved(1e-12), rtol=0, atol=1e-7)


class Stand:
    """A world where nothing moves; it remembers what was done."""

    observation_dim, action_dim, horizon = 3, 2, 50

    def __init__(self):
        self.actions = []

    def reset(self, row, seed):
        return np.zeros(3)

    def step(self, actions):
        self.actions.append(actions)
        return np.zeros((2, 3)), np.zeros(2), np.zeros(2, dtype=bool)

    def close(self):
        pass


@pytest.mark.parametrize("actors_begin", [True, False])
def test_actors_that_can_act_do_so_from_the_first_step(actors_begin):
    own, worlds = learner(TUNING), Stand()
    own.actors.data[:, -4:-2] = 4.0  # the means' biases: all actions are nearly 1
    own.actors.data[:, -2:] = -5.0
    plan = Round(
        rows=((2, 0), (2, 1)), number=0, steps=20, learning_starts=20, actors_begin=actors_begin
    )
    plan.play(worlds, own, own.optimiser(), Replay(2, 20, observation_dim=3, action_dim=2))
    done = np.stack(worlds.actions)
    assert (done > 0.99).all() == actors_begin
    assert (done[:, 0] != done[:, 1]).any()  # one task, other seeds


def test_a_curve_begins_with_the_actors_given(whole, start):
    folder, found = whole
    assert found.meta == TunedMeta(
        family="cheetah-vel", tasks=(20, 2, 20, 2), model="abc", steps=(0, 40, 60), episodes=1
    )
    assert found.returns.shape == (3, 4)
    worlds = MetaWorlds("cheetah-vel", (20, 2, 20, 2))
    own, _ = lockstep.make_learner(GENERATED, worlds)
    own.actors.data.copy_(start)
    first = evaluate(worlds, own, (20, 2, 20, 2), episodes=1, seed=0)[:, 0]
    own.actors.data.copy_(found.actors)
    last = evaluate(worlds, own, (20, 2, 20, 2), episodes=1, seed=0)[:, 0]
    worlds.close()
    np.testing.assert_allclose(found.returns[0], first)
    np.testing.assert_allclose(found.returns[-1], last)
    assert (found.actors != start).any(1).all()
    assert (found.actors - start).abs().max() < 0.06  # low rates still
    again = Tuned.read(folder)
    torch.testing.assert_close(again.actors, found.actors, rtol=0, atol=0)
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["metrics.jsonl", "run.json", "tensorboard", "tuned"]


def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(whole, start, tmp_path, monkeypatch):
    monkeypatch.setattr(lockstep, "CHECKPOINT_SECONDS", -1.0)
    made = 0

    def stop(steps):
        nonlocal made
        made += steps
        if made >= 4 * 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(GENERATED, tmp_path / "run", start, on_steps=stop)
    seen = []
    found = tune(GENERATED, tmp_path / "run", start, on_steps=seen.append)
    assert (seen[0], sum(seen)) == (4 * 40, 4 * 60)
    torch.testing.assert_close(found.actors, whole[1].actors, rtol=0, atol=0)
    torch.testing.assert_close(found.returns, whole[1].returns, rtol=0, atol=0)
    assert read_metrics(tmp_path / "run") == read_metrics(whole[0])
    with pytest.raises(CheckpointError, match="model"):
        tune(dataclasses.replace(GENERATED, model="other"), tmp_path / "run", start)


def test_from_scratch_rows_of_a_task_differ_and_repeat(tmp_path):
    found = tune(SCRATCH, tmp_path / "one", None)
    assert len(torch.unique(found.actors, dim=0)) == 4
    assert found.meta.model == ""
    again = tune(SCRATCH, tmp_path / "two", None)
    torch.testing.assert_close(found.actors, again.actors, rtol=0, atol=0)


def test_runs_that_cannot_be_are_refused(start, tmp_path, unchecked):
    with pytest.raises(InputError, match="just if the configuration"):
        tune(SCRATCH, tmp_path / "run", start)
    with pytest.raises(InputError, match=r"wants \(4, 276\)"):
        tune(GENERATED, tmp_path / "run", start[:3])
    assert not (tmp_path / "run").exists()
    for changes in ({"repeats": 0}, {"model": ""}):
        with pytest.raises(InputError):
            dataclasses.replace(GENERATED, **changes)
    for changes in (
        {"first_rate": 0.0},
        {"rise": 0},
        {"td_weight": -1.0},
        {"wait": -1},
        {"first_temperature": 0.0},
    ):
        with pytest.raises(InputError):
            dataclasses.replace(TUNING, **changes)
    assert tuning_preset("reduced", "ant-dir").tasks == (6, 17, 23, 30, 41)
    assert tuning_preset("reduced", "ant-dir", tasks=(1,), steps=5000).rounds == 5


def curves(returns, tasks=(2, 2)):
    returns = torch.tensor(returns, dtype=torch.float64)
    steps = tuple(range(0, 100 * len(returns), 100))
    meta = TunedMeta(family="cheetah-vel", tasks=tasks, model="", steps=steps, episodes=1)
    return Tuned(meta=meta, actors=torch.zeros(len(tasks), 1), returns=returns)


def test_nine_tenths_of_an_expert_are_reached_or_not():
    assert goal(500.0) == pytest.approx(450.0)
    assert goal(-30.0) == pytest.approx(-33.0)
    found = curves([[-50.0, -20.0, -50.0], [-33.0, -50.0, -40.0], [-20.0, -20.0, -30.1]], (2, 2, 7))
    assert steps_to(found, {2: -30.0, 7: -20.0}) == [100, 0, None]


def test_ratios_of_steps_say_what_they_do_not_know():
    known = step_ratio([100, 200, 300], [400, 400, None], budgets=(500, 500))
    assert (known["ratio"], known["bound"]) == (0.5, "equal")
    assert known["scratch"] == {"median": 400.0, "reached": 2, "rows": 3, "budget": 500}
    low, high = known["ci95"]
    assert low == pytest.approx(0.2)  # 100 of 500, which the unknown one is at least
    assert high == pytest.approx(0.75)
    late = step_ratio([100, 200, 300], [None, None, 400], budgets=(500, 500))
    assert (late["ratio"], late["bound"], late["scratch"]["median"]) == (0.4, "at most", None)
    longer = step_ratio([100, 200, None], [None, None, 400], budgets=(300, 800))
    assert (longer["ratio"], longer["bound"]) == (0.25, "at most")
    shorter = step_ratio([None, None, 100], [250, 250, 900], budgets=(500, 1000))
    assert (shorter["ratio"], shorter["bound"]) == (2.0, "at least")
    worse = step_ratio([None, None, 100], [250, 250, 250], budgets=(500, 500))
    assert (worse["ratio"], worse["bound"]) == (2.0, "at least")
    assert worse["ci95"][1] is None
    neither = step_ratio([None], [None], budgets=(500, 500))
    assert (neither["ratio"], neither["bound"], neither["ci95"]) == (None, None, [None, None])
    assert step_ratio([0, 0], [500, 500], budgets=(500, 500))["ratio"] == 0.0
    assert step_ratio([0, 0], [0, 0], budgets=(500, 500))["ratio"] is None
