import threading
from dataclasses import replace

import pytest
import torch

from hyperdyn.networks import ACTIVATIONS, MLPSpec, default_parameters
from hyperdyn.rollout import cuda_graph, reference
from hyperdyn.rollout.cuda_graph import GraphRollouts, Recording
from hyperdyn.states import Field, StateSpace

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
SPACE = StateSpace((Field(name="x", size=2), Field(name="c", context=True), Field(name="v")))


def case(rng: torch.Generator, samples: int = 5, horizon: int = 3, activation: str = "relu"):
    spec = MLPSpec(sizes=(5, 8, 4), activation=activation)
    parameters = torch.stack([default_parameters(spec, rng) for _ in range(2)])
    states = torch.randn(2, 4, generator=rng)
    return spec, SPACE, parameters, states, torch.randn(2, samples, horizon, 2, generator=rng)


class Recorder:
    """Stands in for the capture: replays by calling the reference, and counts."""

    def __init__(self):
        self.captures = 0
        self.replays = 0

    def __call__(self, spec, space, tensors):
        self.captures += 1
        inputs = tuple(torch.full_like(tensor, torch.nan) for tensor in tensors)
        output = reference.rollout(spec, space, *inputs)

        def replay() -> None:
            self.replays += 1
            output.copy_(reference.rollout(spec, space, *inputs))

        return Recording(inputs, output, replay)


def test_a_shape_is_captured_once_and_replayed_with_what_is_given(rng: torch.Generator):
    recorder = Recorder()
    rollouts = GraphRollouts(recorder)
    for _ in range(3):
        arguments = case(rng)
        assert torch.equal(rollouts.rollout(*arguments), reference.rollout(*arguments))
    assert (recorder.captures, recorder.replays) == (1, 3)


def test_results_are_the_callers_own(rng: torch.Generator):
    rollouts = GraphRollouts(Recorder())
    first, second = case(rng), case(rng)
    result = rollouts.rollout(*first)
    rollouts.rollout(*second)
    assert torch.equal(result, reference.rollout(*first))


def test_arguments_are_left_as_they_are(rng: torch.Generator):
    rollouts = GraphRollouts(Recorder())
    first = case(rng)
    before = [tensor.clone() for tensor in first[2:]]
    rollouts.rollout(*first)
    rollouts.rollout(*case(rng))
    assert all(torch.equal(a, b) for a, b in zip(before, first[2:], strict=True))


def test_another_network_space_shape_or_dtype_is_another_recording(rng: torch.Generator):
    recorder = Recorder()
    rollouts = GraphRollouts(recorder)
    spec, space, *tensors = case(rng)
    other_space = StateSpace((Field(name="c", context=True), Field(name="x", size=3)))
    others = [
        (spec, space, *tensors),
        (replace(spec, activation="tanh"), space, *tensors),
        (spec, other_space, *tensors),
        case(rng, samples=6),
        case(rng, horizon=4),
        (spec, space, *(tensor.double() for tensor in tensors)),
    ]
    for arguments in others:
        assert torch.equal(rollouts.rollout(*arguments), reference.rollout(*arguments))
    assert recorder.captures == len(others)


def test_the_least_recently_used_recording_is_forgotten(rng: torch.Generator):
    recorder = Recorder()
    rollouts = GraphRollouts(recorder, kept=2)
    one, two, three = (case(rng, samples=samples) for samples in (1, 2, 3))
    for arguments in (one, two, one, three):
        rollouts.rollout(*arguments)
    assert len(rollouts) == 2
    assert recorder.captures == 3
    rollouts.rollout(*one)
    assert recorder.captures == 3
    rollouts.rollout(*two)
    assert recorder.captures == 4


def test_a_capture_that_fails_leaves_nothing_behind(rng: torch.Generator):
    recorder = Recorder()

    def capture(*arguments):
        if recorder.captures == 0:
            recorder.captures = 1
            raise RuntimeError("out of memory")
        return recorder(*arguments)

    rollouts = GraphRollouts(capture)
    arguments = case(rng)
    with pytest.raises(RuntimeError, match="out of memory"):
        rollouts.rollout(*arguments)
    assert len(rollouts) == 0
    assert torch.equal(rollouts.rollout(*arguments), reference.rollout(*arguments))


def test_what_graphs_do_not_serve_is_left_to_the_caller(rng, monkeypatch):
    recorder = Recorder()
    rollouts = GraphRollouts(recorder)
    spec, space, parameters, states, actions = case(rng)
    quaternion = StateSpace((Field(name="q", size=4, kind="quaternion"),))
    wide = MLPSpec(sizes=(6, 4))
    zeros = torch.zeros(2, wide.num_parameters)
    assert rollouts.rollout(wide, quaternion, zeros, states, actions) is None
    assert rollouts.rollout(spec, space, parameters, states, actions[:, :0]) is None
    monkeypatch.setattr(cuda_graph, "LARGEST", 2 * 5 * 4 * 4 - 1)
    assert rollouts.rollout(spec, space, parameters, states, actions) is None
    assert recorder.captures == 0


def test_many_callers_at_once_get_their_own_results(rng: torch.Generator):
    rollouts = GraphRollouts(Recorder())
    cases = [case(rng) for _ in range(4)]
    expected = [reference.rollout(*arguments) for arguments in cases]
    wrong: list[int] = []

    def call(index: int) -> None:
        for _ in range(20):
            if not torch.equal(rollouts.rollout(*cases[index]), expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=call, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_space_with_its_columns_at_hand_composes_as_before(rng: torch.Generator):
    spec, space, *tensors = case(rng)
    placed = cuda_graph._Placed(space.fields, space.input_columns())
    expected = reference.rollout(spec, space, *tensors)
    assert placed.input_columns() is placed.columns
    assert torch.equal(reference.rollout(spec, placed, *tensors), expected)


@gpu
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_captured_graph_computes_what_the_reference_does(activation, rng):
    rollouts = GraphRollouts()
    for _ in range(3):
        spec, space, *tensors = case(rng, activation=activation)
        tensors = [tensor.cuda() for tensor in tensors]
        expected = reference.rollout(spec, space, *tensors)
        torch.testing.assert_close(rollouts.rollout(spec, space, *tensors), expected)
    assert len(rollouts) == 1


@gpu
def test_graphs_on_two_streams_do_not_disturb_each_other(rng: torch.Generator):
    rollouts = GraphRollouts()
    streams = [torch.cuda.Stream() for _ in range(2)]
    cases = [case(rng) for _ in range(2)]
    cases = [(spec, space, *(t.cuda() for t in tensors)) for spec, space, *tensors in cases]
    expected = [reference.rollout(*arguments) for arguments in cases]
    torch.cuda.synchronize()
    results: list[list[torch.Tensor]] = [[], []]
    for _ in range(10):
        for index, stream in enumerate(streams):
            with torch.cuda.stream(stream):
                results[index].append(rollouts.rollout(*cases[index]))
    torch.cuda.synchronize()
    for index in range(2):
        for result in results[index]:
            torch.testing.assert_close(result, expected[index])
