"""Rollouts of any sizes, and how close to the exact one a result must be."""

import torch

from hyperdyn.networks import ACTIVATIONS, MLPSpec, default_parameters
from hyperdyn.rollout import reference
from hyperdyn.states import Field, StateSpace

EPS = torch.finfo(torch.float32).eps


def case(
    rng: torch.Generator,
    systems: int = 2,
    samples: int = 11,
    horizon: int = 3,
    seen: tuple[bool, ...] = (True,) * 6,
    action_dim: int = 3,
    hidden: tuple[int, ...] = (16, 11),
    activation: str = "relu",
):
    """Arguments of a rollout; `seen` marks the columns that the network sees."""
    space = StateSpace(tuple(Field(name=f"f{i}", context=not s) for i, s in enumerate(seen)))
    spec = MLPSpec(sizes=(sum(seen) + action_dim, *hidden, len(seen)), activation=activation)
    return (
        spec,
        space,
        2 * torch.stack([default_parameters(spec, rng) for _ in range(systems)]),
        2 * torch.randn(systems, len(seen), generator=rng),
        2 * torch.rand(systems, samples, horizon, action_dim, generator=rng) - 1,
    )


def random_case(seed: int, *, systems: int, samples: int, horizon: int):
    """Arguments of a rollout with at most so many systems, samples and steps."""
    rng = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=rng))

    seen = [draw(0, 3) > 0 for _ in range(draw(1, 21))]
    return case(
        rng,
        systems=draw(1, systems),
        samples=draw(1, samples),
        horizon=draw(1, horizon),
        seen=(*seen, True),
        action_dim=draw(1, 9),
        hidden=tuple(draw(1, 40) for _ in range(draw(0, 3))),
        activation=list(ACTIVATIONS)[seed % len(ACTIVATIONS)],
    )


def case_of_infinities(activation: str):
    """Arguments of a rollout of one hidden unit, passed on as it is: s ← s + activation(a)."""
    spec = MLPSpec(sizes=(2, 1, 1), activation=activation)
    parameters = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0]])
    values = torch.tensor([torch.inf, -torch.inf, torch.nan, -0.0, 90.0, -90.0, 1e-30, -0.3])
    space = StateSpace((Field(name="s"),))
    return spec, space, parameters, torch.zeros(1, 1), values[None, :, None, None]


def assert_close_to_float64(result: torch.Tensor, arguments) -> None:
    """Within four times the rounding that torch itself makes in float32."""
    spec, space, *tensors = arguments
    exact = reference.rollout(spec, space, *(tensor.double() for tensor in tensors))
    torch_error = (reference.rollout(*arguments) - exact).abs().max()
    assert result.dtype == torch.float32
    assert result.shape == exact.shape
    assert (result - exact).abs().max() <= 4 * torch_error + 4 * EPS * exact.abs().max()
