import math

import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.history import History, HistoryBuffer


def test_the_buffer_keeps_the_last_k_pairs_oldest_first():
    buffer = HistoryBuffer(num_systems=2, length=3)
    for step in range(5):
        buffer.append(torch.full((2, 4), float(step)), torch.full((2, 1), 10.0 * step))
    history = buffer.history()
    assert history.states[:, :, 0].tolist() == [[2, 3, 4]] * 2
    assert history.actions[:, :, 0].tolist() == [[20, 30, 40]] * 2


def test_the_buffer_copies_what_it_is_given():
    buffer, state = HistoryBuffer(1, 1), torch.zeros(1, 2)
    buffer.append(state, torch.zeros(1, 1))
    state += 1
    assert buffer.history().states.sum() == 0


def test_too_short_a_history_says_how_much_is_missing():
    buffer = HistoryBuffer(1, 16)
    buffer.append(torch.zeros(1, 2), torch.zeros(1, 1))
    assert not buffer.full
    with pytest.raises(InputError, match="holds 1 of the 16 steps"):
        buffer.history()
    buffer.append(torch.zeros(1, 2), torch.zeros(1, 1))
    buffer.reset()
    with pytest.raises(InputError, match="holds 0 of the 16 steps"):
        buffer.history()


@pytest.mark.usefixtures("unchecked")
def test_a_wrong_number_of_systems_is_refused():
    with pytest.raises(InputError, match="2 systems got 3 states"):
        HistoryBuffer(2, 4).append(torch.zeros(3, 2), torch.zeros(2, 1))


def test_non_finite_numbers_are_located():
    states = torch.zeros(2, 3, 4)
    states[1, 2, 0] = math.nan
    with pytest.raises(InputError, match="system 1, step 2, column 0"):
        History(states, torch.zeros(2, 3, 1))
    actions = torch.zeros(2, 3, 1)
    actions[0, 1, 0] = math.inf
    with pytest.raises(InputError, match="actions hold 1 non-finite"):
        History(torch.zeros(2, 3, 4), actions)


@pytest.mark.parametrize(
    ("states", "actions", "text"),
    [
        (torch.zeros(2, 3, 4), torch.zeros(2, 2, 1), "same E and K"),
        (torch.zeros(2, 3, 4), torch.zeros(2, 3, 1).double(), "one floating-point type"),
        (torch.zeros(2, 3, 4).long(), torch.zeros(2, 3, 1).long(), "floating-point"),
        (torch.zeros(2, 3, 4), torch.zeros(2, 3, 1, device="meta"), "one device"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_tensors_that_do_not_belong_together_are_refused(states, actions, text):
    with pytest.raises(InputError, match=text):
        History(states, actions)


def test_an_integer_selects_one_system_and_keeps_the_axis():
    history = History(torch.arange(24.0).view(3, 4, 2), torch.zeros(3, 4, 1))
    for index in (1, -1):
        assert torch.equal(history[index].states, history.states[[index]])
