"""From a watched history to weights, and what fresh weights cost the first rollout and plan."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from hyperdyn import GeneratedDynamics, History, HyperDynamics
from hyperdyn.benchmarks.ours import make_planner
from hyperdyn.benchmarks.peak import Peak
from hyperdyn.benchmarks.plugin import Record
from hyperdyn.benchmarks.settings import Settings
from hyperdyn.benchmarks.timing import Call, Key, Rounds, Spread
from hyperdyn.benchmarks.workloads import WORKLOADS
from hyperdyn.networks import MLPSpec
from hyperdyn.planners import ControlCost, ForwardVelocity
from hyperdyn.training.presets import preset

PRESET = "cheetah-slope"
WORKLOAD = "L500"
SYSTEMS = (1, 16, 256)
MOST_PLANNED = 16
SHORT, LONG = 1, 9  # steps of two rollouts; what both have in common is fixed


@dataclass(frozen=True)
class Models:
    """Generated models of E systems, as fresh as from the generator at every call."""

    generator: HyperDynamics
    history: History
    kept: GeneratedDynamics
    bare: GeneratedDynamics
    """Models of the same kind with one hidden unit: nothing to pack, and all else alike."""

    @classmethod
    def of(cls, generator: HyperDynamics, systems: int, source: torch.Generator) -> "Models":
        """Watch random motion."""
        config = generator.config
        shape = (systems, config.history_length)
        history = History(
            torch.randn(*shape, config.state_space.dim, generator=source),
            torch.randn(*shape, config.action_dim, generator=source),
        )
        kept = generator.generate(history)
        sizes = config.network.sizes
        spec = MLPSpec(sizes=(sizes[0], 1, sizes[-1]), activation=config.network.activation)
        parameters = 0.01 * torch.randn(systems, spec.num_parameters, generator=source)
        return cls(generator, history, kept, GeneratedDynamics(spec, kept.state_space, parameters))

    @property
    def states(self) -> Tensor:
        """Where the systems stand."""
        return self.history.states[:, -1]

    def rollout(self, models: GeneratedDynamics, steps: int) -> Call:
        """One candidate through weights not seen before."""
        actions = torch.zeros(len(self.states), 1, steps, models.action_dim)
        states = self.states.contiguous()
        return lambda: fresh(models).rollout(states, actions)


def fresh(models: GeneratedDynamics) -> GeneratedDynamics:
    """The same numbers as a new value, about which nothing can have been remembered."""
    return replace(models, parameters=models.parameters.detach())


def bench_generation(
    settings: Settings,
    peak: Peak,
    generator: torch.Generator,
    record: Record,
    run_rounds: Callable[[Rounds], None],
    benchmark: Any,
) -> None:
    """Measure generation for several numbers of systems."""
    model = HyperDynamics(preset(PRESET).model, generator=generator).eval()
    calls: dict[Key, Call] = {}
    with torch.no_grad():
        for systems in SYSTEMS:
            found = _calls(Models.of(model, systems, generator), settings, generator)
            calls |= {Key(f"E={systems}", task): call for task, call in found.items()}
        rounds = Rounds(calls, peak.call, slot=settings.slot, threads=settings.threads)
        run_rounds(rounds)
    rows = [_row(systems, rounds) for systems in SYSTEMS]
    benchmark.extra_info["rows"] = rows
    failed = {" ".join(key): why for key, why in rounds.failed.items()}
    record("generation", {"rows": rows, "rounds": rounds.count, "missing": failed})


def _calls(models: Models, settings: Settings, generator: torch.Generator) -> dict[str, Call]:
    calls: dict[str, Call] = {"generate": lambda: models.generator.generate(models.history)}
    for name, kind in (("kept", models.kept), ("bare", models.bare)):
        for steps in (SHORT, LONG):
            calls[f"{name} {steps}"] = models.rollout(kind, steps)
    if len(models.states) <= MOST_PLANNED:
        workload = WORKLOADS[WORKLOAD]
        planner = make_planner("random-shooting", workload, settings.budget, settings.threads)
        column = models.kept.state_space.slice_of("com_x").start
        objective = ForwardVelocity(index=column, dt=0.01) + ControlCost()

        def plan(dynamics: GeneratedDynamics) -> None:
            planner.plan(dynamics, models.states, objective, generator=generator)

        calls["plan, same weights"] = lambda: plan(models.kept)
        calls["plan, fresh weights"] = lambda: plan(fresh(models.kept))
    return calls


def _row(systems: int, rounds: Rounds) -> dict[str, Any]:
    """Microseconds, medians over rounds; None where something was not measured."""

    def median(task: str) -> float | None:
        taken = rounds.busy.get(Key(f"E={systems}", task))
        return None if taken is None else 1e6 * Spread.of(taken).median

    def fixed(name: str) -> list[float]:
        short, long = (
            rounds.busy.get(Key(f"E={systems}", f"{name} {steps}"), []) for steps in (SHORT, LONG)
        )
        pairs = zip(short, long, strict=True)
        return [a - (b - a) * SHORT / (LONG - SHORT) for a, b in pairs]

    packing = [a - b for a, b in zip(fixed("kept"), fixed("bare"), strict=False)]
    generated = median("generate")
    return {
        "systems": systems,
        "generate_us": generated,
        "generate_us_per_system": generated and generated / systems,
        "rollout_overhead_us": 1e6 * Spread.of(fixed("bare")).median if fixed("bare") else None,
        "packing_us_per_system": 1e6 * Spread.of(packing).median / systems if packing else None,
        "plan_same_weights_us": median("plan, same weights"),
        "plan_fresh_weights_us": median("plan, fresh weights"),
    }
