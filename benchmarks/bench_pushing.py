"""A replan among obstacles: candidates of ten pushes, the forward model made anew at every push."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hyperdyn.benchmarks.peak import Peak
from hyperdyn.benchmarks.plugin import Record
from hyperdyn.benchmarks.settings import Settings
from hyperdyn.benchmarks.timing import Call, Key, Rounds, Spread
from hyperdyn.perception import VisualConfig, VisualEncoder
from hyperdyn.pushing import (
    Interactions,
    PushingConfig,
    PushingDynamics,
    PushingGenerator,
    Seen,
)
from hyperdyn.pushing.state import ACTION_DIM, ORIENTATION, POSITION, ROD, STATE_SPACE

CANDIDATES = (30, 100, 500)
EXACT = (30, 100)  # seconds beyond
PUSHES = 10
NETWORKS = 2  # of a ring, evaluated at every push
AFTER = (1, 5, 10)
RING = "models all round, once an object"


def bench_pushing(
    settings: Settings,
    peak: Peak,
    generator: torch.Generator,
    record: Record,
    run_rounds: Callable[[Rounds], None],
    benchmark: Any,
) -> None:
    """Measure one object with the default sizes; untrained weights take as long as any."""
    with torch.no_grad():
        ring, exact, state = _object(generator)
        pushes = {
            count: 2 * torch.rand(1, count, PUSHES, ACTION_DIM, generator=generator) - 1
            for count in CANDIDATES
        }
        calls = _calls(ring, exact, state, pushes)
        rounds = Rounds(calls, peak.call, slot=settings.slot, threads=settings.threads)
        run_rounds(rounds)
        off = _off(ring.rollout(state, pushes[30]), exact.rollout(state, pushes[30]))
    rows = _rows(rounds, peak, ring.predictor.spec.num_parameters)
    failed = {" ".join(key): why for key, why in rounds.failed.items()}
    benchmark.extra_info["rows"] = rows
    found = {"rows": rows, "off_exact_mm": off, "rounds": rounds.count, "missing": failed}
    record("pushing", found)


def _object(generator: torch.Generator) -> tuple[PushingDynamics, PushingDynamics, Tensor]:
    """Its dynamics from the ring and exact, and where it stands; weights are untrained."""
    visual = VisualEncoder(VisualConfig(), generator=generator).eval()
    config = PushingConfig()
    model = PushingGenerator(config, visual, generator=generator).eval()
    states = torch.zeros(1, config.pushes + 1, STATE_SPACE.dim)
    states[..., ORIENTATION.stop - 1], states[..., ROD.start] = 1.0, -0.07
    samples = 0.1 * torch.randn(64, STATE_SPACE.dim, generator=generator)
    model.normaliser.fit(samples, torch.randn(64, ACTION_DIM, generator=generator), 0.1 * samples)
    watched = Interactions(states, torch.zeros(1, config.pushes, ACTION_DIM))
    channels, size = visual.config.map_channels, visual.config.volume.shape
    seen_map = torch.randn(1, channels, *size, generator=generator)
    box = torch.tensor([[0.0, 0.0, 0.025, 0.1, 0.1, 0.05]])
    seen = Seen(visual.features(seen_map, box[:, None])[:, 0], torch.zeros(1), box)
    ring, exact = (model.generate(watched, seen, exact=way) for way in (False, True))
    return ring, exact, states[:, 0]


def _calls(
    ring: PushingDynamics, exact: PushingDynamics, state: Tensor, pushes: dict[int, Tensor]
) -> dict[Key, Call]:
    models = ring.ring
    if models is None:  # it was generated with one
        raise AssertionError("a dynamics of looked-up codes has models all round")
    calls: dict[Key, Call] = {
        Key("hyperdyn", RING): lambda: ring.with_turning(ring.turning).rollout(
            state, torch.zeros(1, 1, 1, ACTION_DIM)
        )
    }
    for count, actions in pushes.items():
        starts = state[:, None].expand(-1, count, -1)
        task = _task(count)
        calls[Key("hyperdyn", task)] = functools.partial(ring.rollout, state, actions)
        calls[Key("torch", task)] = functools.partial(models.reference, starts, actions)
        if count in EXACT:
            calls[Key("exact", task)] = functools.partial(exact.rollout, state, actions)
    return calls


def _task(count: int) -> str:
    return f"{count} × {PUSHES} pushes"


def _rows(rounds: Rounds, peak: Peak, parameters: int) -> list[dict[str, Any]]:
    """Milliseconds, and ratios of times taken in the same rounds."""
    counts = {_task(count): count * PUSHES for count in CANDIDATES}
    rows = []
    for key, taken in rounds.busy.items():
        if key.library != "hyperdyn":
            continue
        row: dict[str, Any] = {"task": key.task, "ms": 1e3 * Spread.of(taken).median}
        operations = 2 * NETWORKS * parameters * counts.get(key.task, 0)
        share = operations / peak.operations  # of the product timed beside it
        floors = [share * beside for beside in rounds.yardsticks[key]]
        row["floor_ms"] = 1e3 * Spread.of(floors).median if operations else None
        for library in ("torch", "exact"):
            other = rounds.busy.get(Key(library, key.task))
            ratios = [b / a for a, b in zip(taken, other, strict=True)] if other else None
            row[f"ratio_to_{library}"] = Spread.of(ratios).median if ratios else None
        rows.append(row)
    return rows


def _off(found: Tensor, exact: Tensor) -> dict[str, float]:
    """Root mean square distance in the plane, mm, by the number of pushes."""
    away = 1e3 * (found - exact)[..., POSITION][..., :2].norm(dim=-1)
    return {str(step): float(away[:, :, step].square().mean().sqrt()) for step in AFTER}
