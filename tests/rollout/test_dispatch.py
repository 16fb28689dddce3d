import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from hyperdyn.networks import MLPSpec, default_parameters
from hyperdyn.rollout import cpu_kernel, dispatch, reference, rollout
from hyperdyn.states import Field, StateSpace

ROOT = Path(__file__).resolve().parents[2]
SPACE = StateSpace((Field(name="s", size=4),))
SPEC = MLPSpec(sizes=(6, 8, 4), activation="tanh")


@pytest.fixture
def tensors(rng: torch.Generator) -> list[torch.Tensor]:
    parameters = torch.stack([default_parameters(SPEC, rng) for _ in range(2)])
    states = torch.randn(2, 4, generator=rng)
    return [parameters, states, torch.randn(2, 9, 3, 2, generator=rng)]


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the backends that were called."""
    calls: list[str] = []
    kernel, torch_rollout = cpu_kernel.rollout, reference.rollout

    def fast(*arguments):
        calls.append("kernel")
        return kernel(*arguments)

    def slow(*arguments):
        calls.append("reference")
        return torch_rollout(*arguments)

    monkeypatch.setattr(cpu_kernel, "rollout", fast)
    monkeypatch.setattr(reference, "rollout", slow)
    return calls


def test_plain_float32_goes_to_the_kernel(tensors, used):
    result = rollout(SPEC, SPACE, *tensors)
    assert used == ["kernel"]
    torch.testing.assert_close(result, reference.rollout(SPEC, SPACE, *tensors))


@pytest.mark.parametrize("index", range(3))
def test_gradients_asked_for_are_right(index, tensors, used):
    tensors[index].requires_grad_()
    rollout(SPEC, SPACE, *tensors)[:, :, -1].sum().backward()
    assert used == ["reference"]
    assert tensors[index].grad.abs().sum() > 0


def test_gradients_switched_off_allow_the_kernel(tensors, used):
    tensors[0] = nn.Parameter(tensors[0])
    with torch.no_grad():
        rollout(SPEC, SPACE, *tensors)
    with torch.inference_mode():
        rollout(SPEC, SPACE, *tensors)
    assert used == ["kernel", "kernel"]


def test_double_precision_stays_double(tensors, used):
    assert rollout(SPEC, SPACE, *(x.double() for x in tensors)).dtype == torch.float64
    assert used == ["reference"]


def test_quaternions_go_to_the_reference(rng, used):
    space = StateSpace((Field(name="q", size=4, kind="quaternion"),))
    spec = MLPSpec(sizes=(6, 4))
    zeros = torch.zeros(1, spec.num_parameters)
    facing = torch.tensor([[0.0, 0.0, 0.0, 1.0]])
    result = rollout(spec, space, zeros, facing, torch.ones(1, 2, 3, 2))
    assert used == ["reference"]
    assert torch.equal(result, facing.expand(1, 2, 4, 4))


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch's own, inside jvp
def test_torch_func_transforms_see_through_the_rollout(tensors):
    parameters, states, actions = tensors

    def final(state: torch.Tensor) -> torch.Tensor:
        return rollout(SPEC, SPACE, parameters, state, actions)[:, :, -1]

    def exact(state: torch.Tensor) -> torch.Tensor:
        return reference.rollout(SPEC, SPACE, parameters, state, actions)[:, :, -1]

    several = torch.stack([states, states + 1])
    torch.testing.assert_close(
        torch.func.vmap(final)(several), torch.stack([exact(s) for s in several])
    )
    tangent = torch.ones_like(states)
    torch.testing.assert_close(
        torch.func.jvp(final, (states,), (tangent,))[1],
        torch.func.jvp(exact, (states,), (tangent,))[1],
    )
    torch.testing.assert_close(torch.func.jacrev(final)(states), torch.func.jacrev(exact)(states))
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(states, tangent)
        assert torch.autograd.forward_ad.unpack_dual(final(dual)).tangent is not None


def test_meta_tensors_go_to_the_reference(tensors, used):
    result = rollout(SPEC, SPACE, *(tensor.to("meta") for tensor in tensors))
    assert used == ["reference"]
    assert result.shape == (2, 9, 4, 4)


def test_lazily_negated_tensors_are_read_with_their_sign(tensors):
    parameters, states, actions = tensors
    negated = torch.complex(actions, actions).conj().imag
    assert negated.is_neg()
    torch.testing.assert_close(
        rollout(SPEC, SPACE, parameters, states, negated),
        rollout(SPEC, SPACE, parameters, states, -actions),
    )


def test_without_numba_the_reference_serves_and_says_so(tensors, monkeypatch):
    dispatch._cpu_kernel.cache_clear()
    monkeypatch.setitem(sys.modules, "hyperdyn.rollout.cpu_kernel", None)
    monkeypatch.delattr("hyperdyn.rollout.cpu_kernel")
    with pytest.warns(RuntimeWarning, match="compiled rollout cannot be loaded"):
        result = rollout(SPEC, SPACE, *tensors)
    assert torch.equal(result, reference.rollout(SPEC, SPACE, *tensors))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rollout(SPEC, SPACE, *tensors)  # said once
    dispatch._cpu_kernel.cache_clear()


def test_numba_is_loaded_by_the_first_rollout_only():
    code = "import hyperdyn.dynamics, sys; print('numba' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
