"""A training step on contexts × targets, against one generated model for every target."""

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from hyperdyn import History, HyperDynamics
from hyperdyn.benchmarks.peak import Peak
from hyperdyn.benchmarks.plugin import Record
from hyperdyn.benchmarks.settings import Settings
from hyperdyn.benchmarks.timing import Call, Key, Rounds, Spread
from hyperdyn.training.fitting import make_optimiser
from hyperdyn.training.presets import preset
from hyperdyn.training.windows import Windows, window_loss

PRESET = "cheetah-slope"
TARGETS = 128
CONTEXTS = (8, 16, 32, TARGETS)
PER_SAMPLE = "128 × 1: weights for every target"
BASIS = "128 × 1, basis form"
PLAIN = "one plain network"


def bench_training(
    settings: Settings,
    peak: Peak,
    generator: torch.Generator,
    record: Record,
    run_rounds: Callable[[Rounds], None],
    benchmark: Any,
) -> None:
    """Measure steps (loss, gradients, Adam) on 128 targets each."""
    calls: dict[Key, Call] = {}
    for contexts in CONTEXTS:
        targets = TARGETS // contexts
        name = PER_SAMPLE if targets == 1 else f"{contexts} × {targets}: contexts × targets"
        calls[Key(name, "step")] = _generated(contexts, targets, generator)
    calls[Key(BASIS, "step")] = _basis(generator)
    calls[Key(PLAIN, "step")] = _plain(generator)
    rounds = Rounds(calls, peak.call, slot=settings.slot, threads=settings.threads)
    run_rounds(rounds)
    slowest = rounds.busy[Key(PER_SAMPLE, "step")]
    rows = []
    for key, taken in rounds.busy.items():
        ratio = Spread.of([theirs / ours for theirs, ours in zip(slowest, taken, strict=True)])
        row = {
            "batch": key.library,
            "step_ms": 1e3 * Spread.of(taken).median,
            "steps_per_second": 1 / Spread.of(taken).median,
            "ratio_to_per_sample": ratio.median,
        }
        rows.append(row)
    benchmark.extra_info["rows"] = rows
    failed = {" ".join(key): why for key, why in rounds.failed.items()}
    record("training", {"rows": rows, "rounds": rounds.count, "missing": failed})


def _stepping(modules: nn.Module, loss_of: Callable[[], Tensor], optimiser: Any) -> Call:
    modules.train()

    def step() -> None:
        loss = loss_of()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def _windows(
    model: HyperDynamics, contexts: int, targets: int, generator: torch.Generator
) -> Windows:
    S, A, K = model.state_space.dim, model.action_dim, model.history_length
    draw = torch.randn(contexts, K + targets + 1, S + A, generator=generator)
    states, actions = draw[..., :S], draw[:, :-1, S:]
    return Windows(
        history=History(states[:, :K].contiguous(), actions[:, :K].contiguous()),
        actions=actions[:, K:].contiguous(),
        states=states[:, K:].contiguous(),
    )


def _generated(contexts: int, targets: int, generator: torch.Generator) -> Call:
    """The step of `hyperdyn.training`: a model for each context."""
    config = preset(PRESET)
    model = HyperDynamics(config.model, generator=generator)
    windows = _windows(model, contexts, targets, generator)
    return _stepping(model, lambda: window_loss(model, windows), make_optimiser(model, config))


def _basis(generator: torch.Generator) -> Call:
    """A context for every target, without writing its weights out."""
    config = preset(PRESET)
    model = HyperDynamics(config.model, generator=generator)
    windows = _windows(model, TARGETS, 1, generator)
    inputs = torch.cat([windows.states[:, 0], windows.actions[:, 0]], dim=-1)
    wanted = windows.states[:, 1] - windows.states[:, 0]

    def loss() -> Tensor:
        predicted = model.head.evaluate(model.encode(windows.history), inputs)
        return (predicted - wanted).square().mean()

    return _stepping(model, loss, make_optimiser(model, config))


def _plain(generator: torch.Generator) -> Call:
    """An ordinary network of the same sizes, which knows no context."""
    sizes = preset(PRESET).model.network.sizes
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    seen = torch.randn(TARGETS, sizes[0], generator=generator)
    wanted = torch.randn(TARGETS, sizes[-1], generator=generator)
    optimiser = torch.optim.Adam(network.parameters(), fused=True)
    return _stepping(network, lambda: (network(seen) - wanted).square().mean(), optimiser)
