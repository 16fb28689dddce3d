import functools
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from numba.core.caching import CacheImpl

from hyperdyn.errors import InputError
from hyperdyn.networks import ACTIVATIONS, MLPSpec
from hyperdyn.rollout import cpu_kernel, cpu_packing, cpu_shapes, cpu_tiles, reference
from hyperdyn.rollout.cpu_shapes import Shape
from hyperdyn.rollout.cpu_tiles import SOURCE_VERSION
from tests.rollout.cases import assert_close_to_float64, case_of_infinities, random_case
from tests.rollout.cases import case as any_case

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {"plain": cpu_shapes.PLAIN, "wide": cpu_shapes.WIDE}
case = functools.partial(any_case, samples=40, horizon=5)
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def assert_right(arguments, shape: Shape | None) -> None:
    assert_close_to_float64(cpu_kernel.rollout(*arguments, shape=shape), arguments)


@every_shape
@pytest.mark.parametrize("seed", range(48))
def test_equals_the_reference_for_any_sizes(seed: int, shape: Shape):
    assert_right(random_case(seed, systems=4, samples=75, horizon=7), shape)


@every_shape
@pytest.mark.parametrize("samples", [1, 7, 8, 9, 16, 17, 24, 31, 32, 33, 47, 49, 500])
def test_every_tail_of_a_tile_is_right(samples: int, shape: Shape, rng: torch.Generator):
    assert_right(case(rng, samples=samples), shape)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_right_far_from_zero(activation: str, rng: torch.Generator):
    spec, space, parameters, states, actions = case(rng, activation=activation, horizon=1)
    for scale in (1e-3, 10.0, 300.0, 1e4):
        assert_right((spec, space, parameters, states * scale, actions * scale), None)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_infinite_inputs_give_what_torch_gives(activation: str):
    arguments = case_of_infinities(activation)
    expected = reference.rollout(*arguments)
    torch.testing.assert_close(cpu_kernel.rollout(*arguments), expected, equal_nan=True)


@pytest.mark.parametrize(("systems", "samples", "horizon"), [(0, 5, 3), (2, 0, 3), (2, 5, 0)])
def test_empty_rollouts_have_the_shape_of_the_reference(systems, samples, horizon, rng):
    spec, space, parameters, states, _ = case(rng)
    actions = torch.zeros(systems, samples, horizon, 3)
    arguments = (spec, space, parameters[:systems], states[:systems], actions)
    assert torch.equal(cpu_kernel.rollout(*arguments), reference.rollout(*arguments))


@every_shape
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_stays_in_its_candidate_and_comes_out_as_nan(activation, shape, rng):
    spec, space, parameters, states, actions = case(rng, samples=53, activation=activation)
    clean = cpu_kernel.rollout(spec, space, parameters, states, actions, shape)
    poisoned = actions.clone()
    poisoned[0, ::5, 2, 1] = torch.nan
    result = cpu_kernel.rollout(spec, space, parameters, states, poisoned, shape)
    assert result[0, ::5, 3:].isnan().all()
    changed = torch.zeros(2, 53, dtype=torch.bool)
    changed[0, ::5] = True
    assert torch.equal(result[~changed], clean[~changed])
    assert torch.equal(result[0, ::5, :3], clean[0, ::5, :3])


def test_nan_in_one_system_stays_in_it(rng: torch.Generator):
    spec, space, parameters, states, actions = case(rng, systems=3)
    clean = cpu_kernel.rollout(spec, space, parameters, states, actions)
    parameters[1, 4] = torch.nan
    result = cpu_kernel.rollout(spec, space, parameters, states, actions)
    assert result[1, :, 1:].isnan().any()
    assert torch.equal(result[[0, 2]], clean[[0, 2]])


def test_nan_in_a_column_the_network_does_not_see_stays_in_that_column(rng: torch.Generator):
    arguments = case(rng, seen=(True, False, True))
    clean = cpu_kernel.rollout(*arguments)
    arguments[3][:, 1] = torch.nan
    result = cpu_kernel.rollout(*arguments)
    assert result[..., 1].isnan().all()
    assert torch.equal(result[..., [0, 2]], clean[..., [0, 2]])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_candidate_has_the_same_bits_in_any_company(activation: str, rng: torch.Generator):
    spec, space, parameters, states, actions = case(
        rng, systems=3, samples=77, activation=activation, hidden=(19, 8)
    )
    whole = cpu_kernel.rollout(spec, space, parameters, states, actions)
    assert torch.equal(cpu_kernel.rollout(spec, space, parameters, states, actions), whole)
    for first, last in ((0, 1), (3, 12), (20, 36), (5, 77)):
        for e in range(3):
            part = cpu_kernel.rollout(
                spec, space, parameters[[e]], states[[e]], actions[[e], first:last]
            )
            assert torch.equal(part[0], whole[e, first:last])


def test_strided_inputs_are_read_right_and_none_is_changed(rng: torch.Generator):
    spec, space, parameters, states, actions = case(rng)
    expected = cpu_kernel.rollout(spec, space, parameters, states, actions)
    strided = [
        torch.stack([parameters, -parameters], dim=-1)[..., 0],
        states.T.contiguous().T,
        actions.permute(2, 3, 0, 1).contiguous().permute(2, 3, 0, 1),
    ]
    before = [tensor.clone() for tensor in strided]
    assert not any(tensor.is_contiguous() for tensor in strided)
    assert torch.equal(cpu_kernel.rollout(spec, space, *strided), expected)
    expanded = actions[:, :1].expand(-1, 9, -1, -1)
    assert torch.equal(
        cpu_kernel.rollout(spec, space, parameters, states, expanded)[:, 8], expected[:, 0]
    )
    assert all(torch.equal(now, then) for now, then in zip(strided, before, strict=True))


def test_torch_defaults_do_not_matter(rng: torch.Generator):
    arguments = case(rng)
    expected = cpu_kernel.rollout(*arguments)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            result = cpu_kernel.rollout(*arguments)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(result, expected)


def test_only_the_result_is_written(rng: torch.Generator, monkeypatch: pytest.MonkeyPatch):
    arguments = case(rng, samples=13, seen=(True,) * 5)
    expected = cpu_kernel.rollout(*arguments)
    guard = torch.full((expected.numel() + 64,), 7.0)

    def empty(size: tuple[int, ...], **_: object) -> torch.Tensor:
        return guard[32:-32].view(size)

    monkeypatch.setattr(torch, "empty", empty)
    assert torch.equal(cpu_kernel.rollout(*arguments), expected)
    assert (guard[:32] == 7).all()
    assert (guard[-32:] == 7).all()


def test_threads_share_the_work_and_change_no_bit(rng, monkeypatch):
    arguments = case(rng, systems=3, samples=200)
    expected = cpu_kernel.rollout(*arguments)
    seen: set[str] = set()
    both = threading.Barrier(2, timeout=20)
    original = cpu_kernel._host_kernel()

    def watched(*values: object) -> int:
        seen.add(threading.current_thread().name)
        both.wait()
        return original(*values)

    monkeypatch.setattr(cpu_kernel, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(cpu_kernel, "_host_kernel", lambda: watched)
    torch.set_num_threads(2)
    assert torch.equal(cpu_kernel.rollout(*arguments), expected)
    assert len(seen) == 2


def test_one_torch_thread_means_one_thread(rng, monkeypatch):
    def refuse(count: int) -> None:
        raise AssertionError

    monkeypatch.setattr(cpu_kernel, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(cpu_kernel, "_helpers", refuse)
    torch.set_num_threads(1)
    cpu_kernel.rollout(*case(rng))


def test_many_callers_at_once_get_their_own_results(rng: torch.Generator):
    cases = [case(rng, samples=60 + i) for i in range(6)]
    expected = [cpu_kernel.rollout(*arguments) for arguments in cases]
    wrong: list[int] = []

    def call(index: int) -> None:
        for _ in range(20):
            if not torch.equal(cpu_kernel.rollout(*cases[index]), expected[index]):
                wrong.append(index)

    threads = [threading.Thread(target=call, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("rows", [4, 8])
def test_packed_weights_are_the_weights(rows: int, rng: torch.Generator):
    seen = (True, False, True, True, False, True)
    spec, space, parameters, *_ = case(rng, systems=1, seen=seen, hidden=(13, 6))
    table = cpu_packing.kernel_table(spec, space, SOURCE_VERSION)
    packed = np.full(cpu_packing.packed_size(table, rows), np.nan, dtype=np.float32)
    cpu_packing.pack(table, parameters[0].data_ptr(), packed.ctypes.data, rows)
    # Unseen columns stand first in a tile.
    order = [1, 4, 0, 2, 3, 5]
    start, layers = 0, list(cpu_packing_layers(spec, parameters))
    for index, (weight, bias) in enumerate(layers):
        if index == len(layers) - 1:
            weight, bias = weight[order], bias[order]
        full = np.concatenate([bias[:, None], weight], axis=1)
        full = np.pad(full, ((0, -len(full) % rows), (0, 0)), mode="edge")
        blocks = full.reshape(-1, rows, full.shape[1]).transpose(0, 2, 1).reshape(-1)
        np.testing.assert_array_equal(packed[start : start + blocks.size], blocks)
        start += blocks.size
    assert start == len(packed)


def cpu_packing_layers(spec, parameters):
    start = 0
    for inputs, outputs in spec.layers:
        weight = parameters[0, start : start + inputs * outputs].reshape(outputs, inputs)
        start += inputs * outputs
        yield weight.numpy(), parameters[0, start : start + outputs].numpy()
        start += outputs


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("axis", [0, -1])
def test_tensors_that_do_not_fit_are_refused_before_memory_is_touched(index, axis, rng):
    spec, space, *tensors = case(rng)
    tensors[index] = tensors[index].narrow(axis, 0, tensors[index].shape[axis] - 1)
    with pytest.raises(InputError, match="rollout got parameters of shape"):
        cpu_kernel.rollout(spec, space, *tensors)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("sizes", [(9, 4, 7), (9, 4, 5), (5, 4, 6)])
def test_a_network_that_does_not_fit_its_state_space_is_refused(sizes, rng):
    _, space, _, states, actions = case(rng)
    spec = MLPSpec(sizes=sizes)
    with pytest.raises(InputError, match="does not fit this state space"):
        cpu_kernel.rollout(spec, space, torch.zeros(2, spec.num_parameters), states, actions)


def test_without_a_folder_to_cache_in_the_kernel_is_there_all_the_same(monkeypatch):
    assert cpu_tiles.tile_kernel.__wrapped__(cpu_shapes.PLAIN).stats.cache_path
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert cpu_tiles.tile_kernel.__wrapped__(cpu_shapes.PLAIN).stats.cache_path is None


def test_a_table_of_another_version_is_refused(rng: torch.Generator, monkeypatch):
    monkeypatch.setattr(cpu_kernel, "SOURCE_VERSION", SOURCE_VERSION + 1)
    cpu_kernel._table.cache_clear()
    with pytest.raises(RuntimeError, match="version"):
        cpu_kernel.rollout(*case(rng))
    cpu_kernel._table.cache_clear()


@pytest.mark.slow
def test_another_process_reads_the_compiled_kernel_from_disk(rng, tmp_path):
    code = """
import torch
from hyperdyn.networks import MLPSpec
from hyperdyn.rollout import cpu_kernel, cpu_shapes, cpu_tiles
from hyperdyn.states import Field, StateSpace
spec, space = MLPSpec(sizes=(3, 4, 2)), StateSpace((Field(name="s", size=2),))
zeros = [torch.zeros(size) for size in ((1, spec.num_parameters), (1, 2), (1, 5, 3, 1))]
cpu_kernel.rollout(spec, space, *zeros)
stats = cpu_tiles.tile_kernel(cpu_shapes.host_shape()).stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    found = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert found == [["0", "1"], ["1", "0"]]
