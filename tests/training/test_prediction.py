import pytest
import torch

from hyperdyn.training.episodes import Episodes
from hyperdyn.training.prediction import (
    STRIDE,
    change_scale,
    fixed_windows,
    partly_watched,
    prediction_error,
)
from tests.hyperdyn.models import fitted, history


def recorded(rng, steps=60):
    return Episodes(
        actions=torch.rand(3, steps, 3, generator=rng),
        states=torch.randn(3, steps + 1, 4, generator=rng).cumsum(1),
        rewards=torch.zeros(3, steps),
        lengths=torch.tensor([steps, steps, 40]),
        contexts=({}, {}, {}),
    )


def test_errors_are_those_of_each_window_rolled_out_alone(rng):
    model, episodes = fitted(), recorded(rng)
    windows = fixed_windows(episodes, 6, 4)
    scale = change_scale(episodes)
    found = prediction_error(model, windows, scale, column=0)
    one_step, far = [], []
    for start in range(0, 40 - 10 + 1, STRIDE):
        states, actions = episodes.states[2], episodes.actions[2]
        watched = type(history())(states[None, start : start + 6], actions[None, start : start + 6])
        dynamics = model.generate(watched)
        predicted = states[None, start + 6]
        for step in range(4):
            predicted = dynamics.step(predicted, actions[None, start + 6 + step])
            if step == 0:
                one_step.append(((predicted[0] - states[start + 7]) / scale).square().mean())
        far.append((predicted[0, 0] - states[start + 10, 0]).abs())
    assert found.one_step[2].item() == pytest.approx(torch.stack(one_step).mean().item(), rel=1e-4)
    assert found.open_loop[2].item() == pytest.approx(torch.stack(far).mean().item(), rel=1e-4)


def test_columns_that_never_change_do_not_count(rng):
    episodes = recorded(rng)
    episodes.states[..., 3] = 7.0
    scale = change_scale(episodes)
    assert scale.isinf().tolist() == [False, False, False, True]
    error = prediction_error(fitted(), fixed_windows(episodes, 6, 4), scale, column=0)
    assert error.one_step.isfinite().all()


def test_what_was_not_watched_carries_no_information(rng):
    model, one, other = fitted(), history(seed=1), history(seed=2)
    other.states[:, -1] = one.states[:, -1]  # the anchor is where the system stands
    blank = [model.encode(partly_watched(model, h, 0)) for h in (one, other)]
    assert torch.equal(*blank)
    half = [model.encode(partly_watched(model, h, 3)) for h in (one, other)]
    assert not torch.equal(*half)
    whole = partly_watched(model, one, 6)
    assert torch.equal(whole.states, one.states)
    assert torch.equal(whole.actions, one.actions)
