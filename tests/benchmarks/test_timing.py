"""Turns, failures and interrupts; no test depends on how long anything takes."""

import time

import pytest

from hyperdyn.benchmarks.timing import Key, Rounds, Spread, reason

A, B, BAD = Key("a", "cem"), Key("b", "cem"), Key("bad", "cem")


def test_the_yardstick_stands_on_either_side_of_every_turn():
    turns: list[str] = []
    rounds = Rounds(
        {A: lambda: turns.append("a"), B: lambda: turns.append("b")},
        lambda: turns.append("yardstick"),
        slot=0.0,
    )
    rounds.warm_up()
    assert turns == ["a", "a", "b", "b"]
    turns.clear()
    rounds()
    rounds()
    assert turns == ["yardstick", "a", "yardstick", "b", "yardstick"] * 2
    assert rounds.count == len(rounds.seconds[A]) == len(rounds.yardsticks[B]) == 2
    assert min(rounds.seconds[A]) > 0
    assert min(rounds.busy[A] + rounds.yardsticks[A]) >= 0


@pytest.mark.parametrize("works_until", [0, 2, 3])
def test_a_contestant_that_raises_is_left_out_with_its_reason(works_until: int):
    calls = 0

    def bad() -> None:
        nonlocal calls
        calls += 1
        if calls > works_until:
            raise ValueError("no\nidea")

    rounds = Rounds({BAD: bad, A: lambda: None}, lambda: None, slot=0.0)
    rounds.warm_up()
    rounds()
    rounds()
    assert rounds.failed == {BAD: "ValueError: no"}
    assert list(rounds.seconds) == list(rounds.yardsticks) == list(rounds.calls) == [A]
    assert len(rounds.seconds[A]) == 2


def test_an_interrupt_leaves_the_same_rounds_for_all():
    turns = 0

    def interrupted() -> None:
        nonlocal turns
        turns += 1
        if turns > 3:
            raise KeyboardInterrupt

    rounds = Rounds({A: lambda: None, B: interrupted}, lambda: None, slot=0.0)
    rounds.warm_up()
    rounds()
    with pytest.raises(KeyboardInterrupt):
        rounds()
    assert rounds.count == len(rounds.seconds[A]) == len(rounds.seconds[B]) == 1


@pytest.mark.parametrize(("threads", "counted"), [(1, False), (2, True)])
def test_waiting_counts_only_where_more_than_this_thread_may_work(threads: int, counted: bool):
    rounds = Rounds({A: lambda: time.sleep(0.05)}, lambda: None, slot=0.0, threads=threads)
    rounds.warm_up()
    rounds()
    assert rounds.seconds[A][0] >= 0.05
    assert (rounds.busy[A][0] >= 0.05) == counted


def test_spreads_are_medians_and_quartiles():
    assert Spread.of([3.0, 1.0, 2.0, 5.0, 4.0]) == Spread(3.0, 2.0, 4.0)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)


def test_an_error_without_words_still_has_a_reason():
    assert reason(RuntimeError()) == "RuntimeError: "
