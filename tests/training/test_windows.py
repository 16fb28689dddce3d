from dataclasses import replace

import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.generators import GENERATORS
from hyperdyn.history import History
from hyperdyn.networks import batched_mlp
from hyperdyn.training import windows as windows_module
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.windows import (
    Windows,
    WindowSampler,
    fit_normaliser,
    masked,
    training_loss,
    window_loss,
)
from tests.hyperdyn.models import fitted, truth_for


def counting_episodes(lengths=(30, 12, 25)):
    """States count up by one a step from 1000 × the episode; actions are their negatives."""
    longest = max(lengths)
    start = 1000.0 * torch.arange(len(lengths))
    states = start[:, None] + torch.arange(longest + 1)
    return Episodes(
        states=states[..., None].expand(-1, -1, 4).clone(),
        actions=-states[:, :-1, None].expand(-1, -1, 3).clone(),
        rewards=torch.zeros(len(lengths), longest),
        lengths=torch.tensor(lengths),
        contexts=tuple({} for _ in lengths),
    )


def test_windows_are_consecutive_and_stay_inside_their_episode():
    episodes = counting_episodes()
    sampler = WindowSampler(episodes, history_length=6, targets=4)
    assert len(sampler) == (30 - 10 + 1) + (12 - 10 + 1) + (25 - 10 + 1)
    windows = sampler[torch.arange(len(sampler))]
    seen = torch.cat([windows.history.states, windows.states], dim=1)[..., 0]
    assert (seen.diff(dim=1) == 1).all()
    assert torch.equal(seen[:, :6], -windows.history.actions[..., 0])
    assert torch.equal(seen[:, 6:-1], -windows.actions[..., 0])
    assert len(seen.unique(dim=0)) == len(sampler)
    ends = {0: 30, 1000: 1012, 2000: 2025}
    for first in ends:
        rows = seen[(seen[:, 0] >= first) & (seen[:, 0] < first + 1000)]
        assert rows.max() == ends[first]


def test_episodes_too_short_for_a_window_are_left_out():
    sampler = WindowSampler(counting_episodes((9, 30)), history_length=6, targets=4)
    assert (sampler[torch.arange(len(sampler))].states >= 1000).all()
    with pytest.raises(InputError, match="the 10 steps a window needs"):
        WindowSampler(counting_episodes((9, 8)), history_length=6, targets=4)


def test_an_epoch_shows_as_many_targets_as_there_are_steps(rng):
    sampler = WindowSampler(counting_episodes(), history_length=6, targets=4)
    batches = list(sampler.epoch(contexts=5, generator=rng))
    assert sum(b.actions.shape[0] * b.actions.shape[1] for b in batches) == 80  # 67 rounded up


def test_batches_are_drawn_from_all_windows_and_read_in_order(monkeypatch):
    monkeypatch.setattr(windows_module, "READ_AT_ONCE", 3)
    sampler = WindowSampler(counting_episodes(), history_length=6, targets=1)
    places = torch.randint(len(sampler), (14, 5), generator=torch.Generator().manual_seed(3))
    batches = list(sampler.epoch(contexts=5, generator=torch.Generator().manual_seed(3)))
    assert len(batches) == 14
    for batch, row in zip(batches, places, strict=True):
        assert torch.equal(batch.states, sampler[row].states)
        assert torch.equal(batch.history.actions, sampler[row].history.actions)


@pytest.fixture
def windows(rng):
    return Windows(
        history=History(torch.randn(5, 6, 4, generator=rng), torch.rand(5, 6, 3, generator=rng)),
        actions=torch.rand(5, 8, 3, generator=rng),
        states=torch.randn(5, 9, 4, generator=rng),
    )


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_one_step_loss_equals_one_model_a_transition(kind, windows):
    model = fitted(kind)
    windows = replace(windows, truth=truth_for(kind, systems=5, expert=2))
    total = 0.0
    for b in range(5):
        dynamics = model.generate(windows.history[b], truth=truth_for(kind, systems=1, expert=2))
        for m in range(8):
            predicted = dynamics.step(windows.states[[b], m], windows.actions[[b], m])
            error = (predicted - windows.states[[b], m + 1]) / model.normaliser.change_std
            total += error.square().mean().item() / 40
    assert window_loss(model, windows).item() == pytest.approx(total, rel=1e-4)


def test_unrolled_loss_follows_the_models_own_predictions(windows):
    model = fitted()
    dynamics = model.generate(windows.history)
    total = torch.zeros(())
    for start in (0, 4):
        states = windows.states[:, start]
        for m in range(start, start + 4):
            states = dynamics.step(states, windows.actions[:, m])
            error = (states - windows.states[:, m + 1]) / model.normaliser.change_std
            total += error.square().mean() / 8
    assert window_loss(model, windows, unroll=4).item() == pytest.approx(total.item(), rel=1e-4)


def test_a_perfect_model_has_no_loss(windows):
    model = fitted()
    dynamics = model.generate(windows.history)
    truth = dynamics.rollout(windows.states[:, 0], windows.actions[:, None])[:, 0]
    perfect = Windows(history=windows.history, actions=windows.actions, states=truth)
    for unroll in (1, 8):
        assert window_loss(model, perfect, unroll).item() < 1e-6


def test_batch_mates_share_no_model(windows):
    model = fitted()
    code = model.encode(windows.history)
    inputs = torch.ones(5, 1, 7)
    outputs = batched_mlp(model.config.network, model.head(code), inputs)
    assert len(outputs.unique(dim=0)) == 5


def test_statistics_are_those_networks_see(rng):
    model = fitted()
    model.normaliser.fitted.fill_(False)
    fit_normaliser(model, counting_episodes((400, 400)), rng)
    # Positions (two relative columns) run from -5 to 0; speeds are absolute.
    assert model.normaliser.state_mean[:2].tolist() == pytest.approx([-2.5, -2.5])
    assert model.normaliser.state_std[0].item() == pytest.approx((35 / 12) ** 0.5, rel=1e-3)
    assert model.normaliser.state_mean[2] > 300
    assert model.normaliser.change_mean.tolist() == pytest.approx([1.0] * 4)


def test_the_truth_of_a_window_is_that_of_the_state_it_predicts_from():
    episodes = counting_episodes()
    sampler = WindowSampler(episodes, history_length=6, targets=4, truths=episodes.states[..., :2])
    windows = sampler[torch.arange(len(sampler))]
    assert torch.equal(windows.truth, windows.states[:, 0, :2])


def test_training_adds_what_a_model_adds_to_the_error_of_its_predictions(windows):
    for kind in ("direct", "maml"):
        assert torch.equal(training_loss(fitted(kind), windows), window_loss(fitted(kind), windows))
    model = fitted("cadm")
    added = model.auxiliary_loss(windows.history, windows.actions, windows.states)
    assert added > 0.1
    expected = window_loss(model, windows) + added
    torch.testing.assert_close(training_loss(model, windows), expected)


def test_masking_hides_the_share_asked_for_and_never_the_anchor(rng):
    model = fitted()
    watched = History(torch.randn(400, 6, 4, generator=rng), torch.rand(400, 6, 3, generator=rng))
    whole = Windows(history=watched, actions=torch.zeros(400, 1, 3), states=torch.zeros(400, 2, 4))
    seen = masked(model, whole, 0.3, rng).history
    hidden = (seen.actions != watched.actions).all(-1)
    assert 0.25 < hidden[:, :-1].float().mean() < 0.35
    assert not hidden[:, -1].any()
    assert torch.equal(seen.states[~hidden], watched.states[~hidden])
    anchor = model.anchor(watched.states)
    zeros = model.normalise_states(seen.states, anchor)[hidden]
    torch.testing.assert_close(zeros, torch.zeros_like(zeros), atol=1e-5, rtol=0)
    assert model.normalise_actions(seen.actions)[hidden].abs().max() < 1e-5
