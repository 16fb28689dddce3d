"""The CUDA kernel where there is no GPU: in Triton's interpreter, and compiled for devices.

The interpreter has to be chosen before Triton is imported, so it runs in a process of its own.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from hyperdyn.errors import InputError
from hyperdyn.networks import ACTIVATIONS, MLPSpec
from hyperdyn.rollout import reference
from hyperdyn.states import Field, StateSpace
from hyperdyn.terms import Term, TermKind, TermTable
from tests.rollout.cases import assert_close_to_float64, case, case_of_infinities, random_case

triton = pytest.importorskip("triton", reason="triton is not installed")
from hyperdyn.rollout import cuda_kernel, cuda_models, cuda_terms, cuda_tiles  # noqa: E402
from hyperdyn.rollout.cuda_models import INTERPRETED, LARGE, MATRIX, SMALL, Block  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
INF = float("inf")
SIZES = {"systems": 3, "samples": 21, "horizon": 6}
WORKER = """
import pickle, sys
from hyperdyn.rollout import cuda_kernel, cuda_models
assert cuda_models.INTERPRETED
while request := sys.stdin.buffer.read(8):
    name, arguments, options = pickle.loads(sys.stdin.buffer.read(int.from_bytes(request)))
    try:
        result = getattr(cuda_kernel, name)(*arguments, **options)
    except Exception as error:
        result = error
    message = pickle.dumps(result)
    sys.stdout.buffer.write(len(message).to_bytes(8) + message)
    sys.stdout.buffer.flush()
"""
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


class Interpreter:
    """Functions of `cuda_kernel`, called in a process where the interpreter runs the kernel."""

    def __init__(self):
        environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
        )

    def call(self, name: str, *arguments, **options):
        message = pickle.dumps((name, arguments, options))
        self.process.stdin.write(len(message).to_bytes(8) + message)
        self.process.stdin.flush()
        size = self.process.stdout.read(8)
        assert size, "the interpreter's process ended"
        result = pickle.loads(self.process.stdout.read(int.from_bytes(size)))
        if isinstance(result, Exception):
            raise result
        return result

    def rollout(self, *arguments, **options) -> torch.Tensor:
        return self.call("rollout", *arguments, **{"block": MATRIX, **options})

    def returns(self, *arguments, **options):
        return self.call("returns", *arguments, **{"block": MATRIX, **options})

    def drawn_returns(self, *arguments, **options):
        return self.call("drawn_returns", *arguments, **{"block": MATRIX, **options})


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Interpreter]:
    it = Interpreter()
    yield it
    it.process.stdin.close()
    assert it.process.wait(20) == 0
    it.process.stdout.close()


@pytest.mark.parametrize("seed", range(16))
def test_equals_the_reference_for_any_sizes(seed: int, interpreter: Interpreter):
    arguments = random_case(seed, **SIZES)
    assert_close_to_float64(interpreter.rollout(*arguments), arguments)


@pytest.mark.parametrize("block", [SMALL, LARGE, MATRIX, Block(64, 4)])
@pytest.mark.parametrize("samples", [1, 8, 17])
def test_every_tail_of_a_tile_is_right(samples: int, block: Block, rng, interpreter):
    arguments = case(rng, samples=samples, horizon=2)
    assert_close_to_float64(interpreter.rollout(*arguments, block=block), arguments)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("scale", [1e-3, 300.0])
def test_activations_are_right_near_and_far_from_zero(activation, scale, rng, interpreter):
    spec, space, parameters, states, actions = case(rng, activation=activation, horizon=1)
    arguments = (spec, space, parameters, states * scale, actions * scale)
    assert_close_to_float64(interpreter.rollout(*arguments), arguments)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_infinite_inputs_give_what_torch_gives(activation: str, interpreter: Interpreter):
    arguments = case_of_infinities(activation)
    expected = reference.rollout(*arguments)
    torch.testing.assert_close(interpreter.rollout(*arguments), expected, equal_nan=True)


@pytest.mark.parametrize(("systems", "samples", "horizon"), [(0, 5, 3), (2, 0, 3), (2, 5, 0)])
def test_empty_rollouts_have_the_shape_of_the_reference(
    systems, samples, horizon, rng, interpreter
):
    spec, space, parameters, states, _ = case(rng)
    actions = torch.zeros(systems, samples, horizon, 3)
    arguments = (spec, space, parameters[:systems], states[:systems], actions)
    assert torch.equal(interpreter.rollout(*arguments), reference.rollout(*arguments))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_stays_in_its_candidate_and_comes_out_as_nan(activation, rng, interpreter):
    spec, space, parameters, states, actions = case(rng, activation=activation)
    clean = interpreter.rollout(spec, space, parameters, states, actions)
    poisoned = actions.clone()
    poisoned[0, ::5, 1, 1] = torch.nan
    result = interpreter.rollout(spec, space, parameters, states, poisoned)
    assert result[0, ::5, 2:].isnan().all()
    changed = torch.zeros(2, 11, dtype=torch.bool)
    changed[0, ::5] = True
    assert torch.equal(result[~changed], clean[~changed])
    assert torch.equal(result[0, ::5, :2], clean[0, ::5, :2])


def test_nan_in_one_system_stays_in_it(rng: torch.Generator, interpreter: Interpreter):
    spec, space, parameters, states, actions = case(rng, systems=3)
    clean = interpreter.rollout(spec, space, parameters, states, actions)
    parameters[1, 4] = torch.nan
    result = interpreter.rollout(spec, space, parameters, states, actions)
    assert result[1, :, 1:].isnan().any()
    assert torch.equal(result[[0, 2]], clean[[0, 2]])


def test_nan_in_a_column_the_network_does_not_see_stays_in_that_column(rng, interpreter):
    arguments = case(rng, seen=(True, False, True))
    clean = interpreter.rollout(*arguments)
    arguments[3][:, 1] = torch.nan
    result = interpreter.rollout(*arguments)
    assert result[..., 1].isnan().all()
    assert torch.equal(result[..., [0, 2]], clean[..., [0, 2]])


def test_strided_inputs_are_read_right_and_none_is_changed(rng, interpreter):
    spec, space, parameters, states, actions = case(rng)
    expected = interpreter.rollout(spec, space, parameters, states, actions)
    expanded = actions[:, :1].expand(-1, 3, -1, -1)
    turned = actions.permute(2, 3, 0, 1).contiguous().permute(2, 3, 0, 1)
    assert not turned.is_contiguous()
    result = interpreter.rollout(spec, space, parameters, states, turned)
    assert torch.equal(result, expected)
    result = interpreter.rollout(spec, space, parameters, states, expanded)
    assert torch.equal(result[:, 2], result[:, 0])


# Objectives.

NUMBERS = {
    TermKind.DISTANCE: 2,
    TermKind.OUTSIDE: 2,
    TermKind.ORIENTATION: 1,
}


def term(kind: TermKind, scale: float, columns=(), numbers=(), hard: bool = False) -> Term:
    return Term(kind, scale, tuple(columns), np.array(numbers, np.float32), hard)


def random_table(seed: int, state_dim: int) -> TermTable:
    """Some of every kind, on columns that overlap."""
    generator = np.random.default_rng(seed)
    terms = []
    for kind in (
        TermKind.CHANGE,
        TermKind.CONTROL,
        TermKind.SMOOTHNESS,
        *(TermKind.DISTANCE, TermKind.DISTANCE, TermKind.OUTSIDE, TermKind.OUTSIDE),
        *(TermKind.OUTSIDE, TermKind.ORIENTATION),
    ):
        width = {TermKind.CHANGE: 1, TermKind.ORIENTATION: 4}.get(
            kind, int(generator.integers(1, 4))
        )
        if kind in (TermKind.CONTROL, TermKind.SMOOTHNESS):
            width = 0
        columns = generator.choice(state_dim, width, replace=False)
        numbers = generator.normal(size=(NUMBERS.get(kind, 0), width))
        if kind == TermKind.OUTSIDE:
            numbers = np.sort(numbers, axis=0)
            numbers[0, 0] = -INF
        elif kind == TermKind.ORIENTATION:
            numbers /= np.linalg.norm(numbers)
        hard = bool(generator.integers(2))
        terms.append(term(kind, float(generator.normal()), columns.tolist(), numbers.ravel(), hard))
    return TermTable.of(terms)


def sums(table: TermTable, states: torch.Tensor, actions: torch.Tensor):
    """Returns and violations of trajectories by the formulas of `hyperdyn.terms`, in float64."""
    totals = [torch.zeros(states.shape[:2], dtype=torch.float64) for _ in range(2)]
    actions = actions.double()
    for one in table.terms:
        x = states.double()[..., list(one.columns)]
        after, numbers = x[:, :, 1:], torch.from_numpy(one.numbers).double()
        if one.kind == TermKind.CHANGE:
            value = (x[:, :, -1] - x[:, :, 0]).sum(-1)
        elif one.kind == TermKind.CONTROL:
            value = actions.square().sum((-2, -1))
        elif one.kind == TermKind.SMOOTHNESS:
            value = actions.diff(dim=2).square().sum((-2, -1))
        elif one.kind == TermKind.DISTANCE:
            goal, weight = numbers.view(2, -1)
            value = (weight * (after - goal).square()).sum((-2, -1))
        elif one.kind == TermKind.OUTSIDE:
            low, high = numbers.view(2, -1)
            off = torch.maximum(low - after, after - high).clamp(min=0)
            value = (off if one.hard else off.square()).sum((-2, -1))
        else:
            along, size = (after @ numbers).square(), after.square().sum(-1)
            value = (4 * (1 - along / size)).sum(-1)
        totals[one.hard] += one.scale * value
    finite = states[:, :, -1].isfinite().all(-1) & totals[0].isfinite() & totals[1].isfinite()
    return totals[0].where(finite, -INF), totals[1].where(finite, INF)


@pytest.mark.parametrize("seed", range(8))
def test_sums_are_those_of_the_trajectories(seed: int, interpreter: Interpreter):
    rng = torch.Generator().manual_seed(seed)
    activation = list(ACTIVATIONS)[seed % 4]
    seen = (True, True, False, *(True,) * (3 + seed % 3))
    arguments = case(rng, seen=seen, activation=activation, action_dim=1 + seed % 4)
    table = random_table(seed, len(seen))
    results = interpreter.returns(*arguments, table)
    expected = sums(table, interpreter.rollout(*arguments), arguments[-1])
    for result, exact in zip(results, expected, strict=True):
        assert result.dtype == torch.float32
        torch.testing.assert_close(result.double(), exact, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("kind", [k for k in TermKind if k != TermKind.CLEARANCE])
@pytest.mark.parametrize("hard", [False, True])
def test_each_term_alone_adds_where_it_should(kind, hard, rng, interpreter):
    columns = {TermKind.CHANGE: (4,), TermKind.ORIENTATION: (5, 1, 0, 2)}.get(kind, (3, 0))
    numbers = {
        TermKind.DISTANCE: (0.5, -1.0, 2.0, 0.25),
        TermKind.OUTSIDE: (-0.5, -0.1, 0.5, INF),
        TermKind.ORIENTATION: (0.5, 0.5, -0.5, 0.5),
    }.get(kind, ())
    if kind in (TermKind.CONTROL, TermKind.SMOOTHNESS):
        columns = ()
    table = TermTable.of([term(kind, -1.5, columns, numbers, hard)])
    arguments = case(rng)
    results = interpreter.returns(*arguments, table)
    expected = sums(table, interpreter.rollout(*arguments), arguments[-1])
    assert expected[hard].abs().min() > 0 or kind == TermKind.OUTSIDE
    assert expected[hard].abs().max() > 0
    assert (results[not hard] == 0).all()
    torch.testing.assert_close(results[hard].double(), expected[hard], rtol=1e-5, atol=1e-5)


def test_a_candidate_that_is_not_finite_ranks_last_and_leaves_the_others_alone(rng, interpreter):
    spec, space, parameters, states, actions = case(rng)
    table = TermTable.of(
        [
            term(TermKind.CONTROL, -1.0),
            term(TermKind.OUTSIDE, 1.0, (1,), (-0.1, 0.1), True),
        ]
    )
    clean = interpreter.returns(spec, space, parameters, states, actions, table)
    actions[0, 3, 1, 0] = torch.nan
    actions[1, 0, 2, 2] = INF
    results = interpreter.returns(spec, space, parameters, states, actions, table)
    for candidate in ((0, 3), (1, 0)):
        assert results[0][candidate] == -INF
        assert results[1][candidate] == INF
    rest = results[0].isfinite()
    assert rest.sum() == 20
    assert torch.equal(results[0][rest], clean[0][rest])
    assert torch.equal(results[1][rest], clean[1][rest])


@pytest.mark.parametrize("hard", [False, True])
def test_a_state_that_overflows_in_a_column_no_term_reads_ranks_last(hard, rng, interpreter):
    spec, space, parameters, states, actions = case(rng, seen=(True, False, True))
    states[0, 1] = INF
    table = TermTable.of([term(TermKind.OUTSIDE, -1.0, (0,), (-1.0, 1.0), hard)])
    total, violation = interpreter.returns(spec, space, parameters, states, actions, table)
    assert (total[0] == -INF).all()
    assert (violation[0] == INF).all()
    assert total[1].isfinite().all()
    assert violation[1].isfinite().all()


def test_a_sum_that_overflows_ranks_last(rng, interpreter):
    arguments = case(rng)
    table = TermTable.of([term(TermKind.DISTANCE, 1.0, (0,), (3e38, 1.0), True)])
    total, violation = interpreter.returns(*arguments, table)
    assert (total == -INF).all()
    assert (violation == INF).all()


def test_without_steps_nothing_is_gained_or_lost(rng, interpreter):
    spec, space, parameters, states, _ = case(rng)
    actions = torch.zeros(2, 5, 0, 3)
    results = interpreter.returns(spec, space, parameters, states, actions, random_table(0, 6))
    assert all(torch.equal(result, torch.zeros(2, 5)) for result in results)


def test_an_objective_without_terms_is_zero(rng, interpreter):
    results = interpreter.returns(*case(rng), TermTable.of([]))
    assert all(torch.equal(result, torch.zeros(2, 11)) for result in results)


def test_a_table_with_a_term_the_kernel_does_not_sum_is_left_to_the_caller(rng, interpreter):
    clearance = term(TermKind.CLEARANCE, -1.0, (0, 1), (0.1, 1, 0, 0, 0, 0.5))
    table = TermTable.of([term(TermKind.CONTROL, -1.0), clearance])
    assert interpreter.returns(*case(rng), table) is None


def test_terms_on_different_columns_share_rows():
    table = TermTable.of(
        [
            term(TermKind.DISTANCE, -2.0, (0, 1), (5.0, 6.0, 1.0, 3.0)),
            term(TermKind.CONTROL, -0.5),
            term(TermKind.DISTANCE, -1.0, (2, 1), (7.0, 8.0, 1.0, 1.0)),
        ]
    )
    rows = cuda_terms.term_rows(table, 3, 2, 8)
    assert rows.soft == (0, 0, 2, 0, 0)
    assert rows.hard == (0, 0, 0, 0, 0)
    expected = [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [-2, -6, -1, -0.5, -0.5, 0, 0, 0],
        [5, 6, 7, 0, 0, 0, 0, 0],
        [0, -1, 0, 0, 0, 0, 0, 0],
        [0, 8, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert rows.numbers.dtype == np.float32
    assert rows.numbers.flags.c_contiguous
    np.testing.assert_array_equal(rows.numbers, np.array(expected, np.float32))


# Drawing candidates.


def drawing(rng: torch.Generator, samples: int, horizon: int = 3, action_dim: int = 3):
    spec, space, parameters, states, _ = case(rng, action_dim=action_dim)
    mean = 0.3 * torch.randn(2, horizon, action_dim, generator=rng)
    std = 0.1 + torch.rand(2, horizon, action_dim, generator=rng)
    low, high = torch.full((action_dim,), -1.0), torch.linspace(0.5, 1.5, action_dim)
    table = TermTable.of([term(TermKind.CONTROL, -1.0), term(TermKind.CHANGE, 3.0, (2,))])
    return spec, space, parameters, states, mean, std, low, high, table, samples


def test_drawn_candidates_are_scored_as_given_ones_are(rng, interpreter):
    arguments = drawing(rng, samples=13)
    actions, total, violation = interpreter.drawn_returns(*arguments, key=5)
    expected = interpreter.returns(*arguments[:4], actions, arguments[8])
    assert actions.shape == (2, 13, 3, 3)
    assert torch.equal(total, expected[0])
    assert torch.equal(violation, expected[1])


def test_noise_is_a_function_of_key_and_place(rng, interpreter):
    arguments = drawing(rng, samples=13)
    actions, *_ = interpreter.drawn_returns(*arguments, key=2**40 + 5)
    again, *_ = interpreter.drawn_returns(*arguments, key=2**40 + 5, block=LARGE)
    assert torch.equal(actions, again)
    for key in (2**41 + 5, 2**62):
        other, *_ = interpreter.drawn_returns(*arguments, key=key)
        assert (other != actions).float().mean() > 0.5


def test_drawn_candidates_are_normal_and_stay_within_the_bounds(rng, interpreter):
    *arguments, samples = drawing(rng, samples=600)
    mean, std, low, high = arguments[4:8]
    actions, *_ = interpreter.drawn_returns(*arguments, samples, key=1, block=Block(256, 4))
    assert (actions >= low).all()
    assert (actions <= high).all()
    assert (actions == low).any()
    assert (actions == high).any()
    arguments[6:8] = torch.full((3,), -INF), torch.full((3,), INF)
    free, *_ = interpreter.drawn_returns(*arguments, samples, key=1, block=Block(256, 4))
    assert torch.equal(free.clamp(low, high), actions)
    noise = ((free - mean[:, None]) / std[:, None]).flatten(0, 1).flatten(1)
    assert noise.mean(0).abs().max() < 4 / 1200**0.5
    assert (noise.std(0) - 1).abs().max() < 0.1
    correlation = torch.corrcoef(noise.T) - torch.eye(9)
    assert correlation.abs().max() < 4.5 / 1200**0.5


# The host's side.


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("axis", [0, -1])
def test_tensors_that_do_not_fit_are_refused_before_memory_is_touched(
    index, axis, rng, interpreter
):
    spec, space, *tensors = case(rng)
    tensors[index] = tensors[index].narrow(axis, 0, tensors[index].shape[axis] - 1)
    with pytest.raises(InputError, match="rollout got parameters of shape"):
        interpreter.rollout(spec, space, *tensors)


@pytest.mark.parametrize("sizes", [(9, 4, 7), (9, 4, 5), (5, 4, 6)])
def test_a_network_that_does_not_fit_its_state_space_is_refused(sizes, rng, interpreter):
    _, space, _, states, actions = case(rng)
    spec = MLPSpec(sizes=sizes)
    parameters = torch.zeros(2, spec.num_parameters)
    with pytest.raises(InputError, match="does not fit this state space"):
        interpreter.rollout(spec, space, parameters, states, actions)


@pytest.fixture
def fresh() -> Iterator[None]:
    cuda_models.model_of.cache_clear()
    yield
    cuda_models.model_of.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_what_does_not_fit_the_device_is_left_to_the_caller(rng, monkeypatch):
    launches = []

    class Kernel:
        def __getitem__(self, grid):
            return lambda **arguments: launches.append((grid, arguments))

    monkeypatch.setattr(cuda_tiles, "roll", Kernel())
    arguments = case(rng, samples=500, hidden=(128, 128))
    widths = (16, 128, 128, 16)
    need = cuda_models.shared_bytes(widths, SMALL, "ieee")
    blocks = []
    for memory, processors in ((need - 1, 132), (need, 1), (227 << 10, 132), (227 << 10, 1)):
        monkeypatch.setattr(cuda_models, "device_limits", lambda _, m=memory, p=processors: (m, p))
        cuda_models.model_of.cache_clear()
        served = cuda_kernel.rollout(*arguments) is not None
        assert served == bool(launches)
        blocks += [(grid, given["block"]) for grid, given in launches]
        launches.clear()
    assert blocks == [((250,), 4), ((250,), 4), ((126,), 8)]
    quaternion = StateSpace((Field(name="q", size=4, kind="quaternion"),))
    spec = MLPSpec(sizes=(7, 4))
    tensors = (torch.zeros(2, 32), torch.zeros(2, 4), arguments[-1])
    assert cuda_kernel.rollout(spec, quaternion, *tensors) is None
    too_wide = case(rng, hidden=(257,))
    assert cuda_kernel.rollout(*too_wide) is None
    assert not launches


@pytest.mark.usefixtures("fresh")
def test_a_block_the_device_refuses_is_not_tried_again(rng, monkeypatch):
    tried = []

    class Kernel:
        def __getitem__(self, grid):
            return self.launch

        def launch(self, **arguments):
            tried.append(arguments["block"])
            raise triton.runtime.errors.OutOfResources(2, 1, "shared memory")

    monkeypatch.setattr(cuda_tiles, "roll", Kernel())
    monkeypatch.setattr(cuda_models, "device_limits", lambda _: (1 << 20, 1))
    arguments = case(rng)
    assert [cuda_kernel.rollout(*arguments) for _ in range(4)] == [None] * 4
    assert tried == [8, 4]


@pytest.mark.skipif(INTERPRETED, reason="the interpreter serves the CPU")
def test_tensors_on_the_cpu_are_left_to_the_caller(rng: torch.Generator):
    assert cuda_kernel.rollout(*case(rng)) is None


POINTERS = (
    *("parameters", "states", "actions", "inputs", "trajectories", "terms"),
    *("returns", "violations", "mean", "std", "low", "high"),
)
MODES = {
    "rollout": {"trajectories"},
    "returns": {"terms", "returns", "violations"},
    "drawn": {"terms", "returns", "violations", "mean", "std", "low", "high"},
}


def compiled(capability: int, mode: str, activation: str, block: Block, precision: str, hidden):
    """The kernel as it would run on a GPU; compiling needs none."""
    rng = torch.Generator().manual_seed(0)
    spec, space, *_ = case(rng, seen=(True,) * 18, action_dim=6, hidden=hidden)
    spec = MLPSpec(sizes=spec.sizes, activation=activation)
    model = cuda_models.model_of(spec, space, torch.device("cpu"), precision)
    rows = cuda_terms.term_rows(random_table(0, 18), 18, 6, model.width)
    used = {"parameters", "states", "actions", "inputs", *MODES[mode]}
    constants = {
        **model.constants,
        **dict.fromkeys(set(POINTERS) - used),
        "block": block.candidates,
        "soft": rows.soft,
        "hard": rows.hard,
        "write": mode == "rollout",
        "add_up": mode != "rollout",
        "draw": mode == "drawn",
    }
    signature = {
        name: "constexpr"
        if name in constants
        else ("*i32" if name == "inputs" else "*fp32")
        if name in POINTERS
        else "i32"
        for name in cuda_tiles.roll.arg_names
    }
    kernel = triton.compile(
        triton.compiler.ASTSource(cuda_tiles.roll, signature, constants),
        target=triton.backends.compiler.GPUTarget("cuda", capability, 32),
        options={"num_warps": block.warps, "enable_fp_fusion": True},
    )
    return kernel, cuda_models.shared_bytes(model.constants["widths"], block, precision)


@pytest.mark.skipif(INTERPRETED, reason="the interpreter compiles nothing")
@pytest.mark.parametrize(
    ("capability", "mode", "activation", "block", "precision", "hidden"),
    [
        (80, "rollout", "relu", SMALL, "ieee", (64, 64)),
        (90, "drawn", "tanh", LARGE, "ieee", (32, 32)),
        (90, "returns", "silu", MATRIX, "tf32x3", (64,)),
        (100, "returns", "leaky_relu", LARGE, "ieee", ()),
    ],
)
def test_compiles_for_gpus_with_the_weights_held_in_shared_memory(
    capability, mode, activation, block, precision, hidden, tmp_path, monkeypatch
):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    kernel, estimate = compiled(capability, mode, activation, block, precision, hidden)
    assert kernel.asm["cubin"]
    assert 0.9 * estimate <= kernel.metadata.shared <= estimate + 2048
    before, loop = kernel.asm["ttgir"].split("scf.for", 1)
    layers = len(hidden) + 1
    assert before.count("ttg.local_alloc") >= layers
    assert loop.count("tt.dot") + loop.count("warp_group_dot ") >= layers


@gpu
@pytest.mark.parametrize("seed", range(8))
def test_a_gpu_computes_what_the_interpreter_does(seed: int, interpreter: Interpreter):
    spec, space, *tensors = random_case(seed, **SIZES)
    table = random_table(seed, max(space.dim, 4)) if space.dim >= 4 else TermTable.of([])
    on_gpu = [tensor.cuda() for tensor in tensors]
    result = cuda_kernel.rollout(spec, space, *on_gpu)
    assert_close_to_float64(result.cpu(), (spec, space, *tensors))
    expected = interpreter.returns(spec, space, *tensors, table)
    for mine, its in zip(cuda_kernel.returns(spec, space, *on_gpu, table), expected, strict=True):
        torch.testing.assert_close(mine.cpu(), its, rtol=1e-4, atol=1e-4)


@gpu
def test_thousands_of_systems_at_once(rng: torch.Generator):
    spec, space, *tensors = case(rng, systems=4096, samples=500, horizon=2)
    result = cuda_kernel.rollout(spec, space, *(tensor.cuda() for tensor in tensors))
    part = [tensor[-3:] for tensor in tensors]
    assert_close_to_float64(result[-3:].cpu(), (spec, space, *part))
