"""Collecting with a planner in the loop, against plain torch and one system at a time."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn import GeneratedDynamics, History, HyperDynamics
from hyperdyn.benchmarks.peak import Peak
from hyperdyn.benchmarks.plugin import Record
from hyperdyn.benchmarks.settings import Settings
from hyperdyn.benchmarks.timing import Call, Key, Rounds, Spread
from hyperdyn.planners import RandomShooting
from hyperdyn.rollout import Scorer, reference
from hyperdyn.terms import TermTable
from hyperdyn.training.collect import PlanningAgent, Reset, run_episodes
from hyperdyn.training.presets import preset
from hyperdyn.training.tasks import task_for

GENERATOR = "cheetah-slope"
PRESET = "cheetah-slope-paper"
STEPS = 20
QUICK_STEPS = 2
SYSTEMS = (10, 1)
COMPILED, PLAIN = "compiled rollout", "plain torch rollout"


class PlainModels(GeneratedDynamics):
    """Generated models that only ever roll out in plain torch."""

    def rollout(
        self, states: Float[Tensor, "E S"], actions: Float[Tensor, "E N H A"]
    ) -> Float[Tensor, "E N H+1 S"]:
        """See `GeneratedDynamics.rollout`."""
        return reference.rollout(self.spec, self.state_space, self.parameters, states, actions)

    def scorer(self, states: Float[Tensor, "E S"], table: TermTable) -> Scorer | None:
        """There is none."""
        return None


class PlainGenerator(HyperDynamics):
    """Writes such models."""

    def generate(
        self,
        history: History,
        view: Tensor | None = None,
        *,
        truth: Float[Tensor, "E Q"] | None = None,
    ) -> PlainModels:
        """See `DynamicsGenerator.generate`."""
        models = super().generate(history, view, truth=truth)
        return PlainModels(models.spec, models.state_space, models.parameters)


class WatchedAgent(PlanningAgent):
    """Plans from the first step on, as though K steps had been watched: standing, at random."""

    def reset(self, num_systems: int) -> None:
        """Begin new episodes."""
        super().reset(num_systems)
        self._watched = False

    def act(self, states: Float[Tensor, "E S"]) -> Float[Tensor, "E A"]:
        """Watch, generate, plan."""
        if not self._watched:
            for _ in range(self.model.history_length):
                self._buffer.append(states, self._random.act(states))
            self._watched = True
        return super().act(states)


GENERATORS = {COMPILED: HyperDynamics, PLAIN: PlainGenerator}


def bench_collection(
    settings: Settings,
    peak: Peak,
    record: Record,
    run_rounds: Callable[[Rounds], None],
    benchmark: Any,
) -> None:
    """Measure the whole loop: simulate, watch, generate, plan."""
    steps = QUICK_STEPS if settings.quick else STEPS
    calls = {
        Key(name, str(systems)): _collecting(kind, systems, steps)
        for name, kind in GENERATORS.items()
        for systems in SYSTEMS
    }
    rounds = Rounds(calls, peak.call, slot=settings.slot, threads=settings.threads)
    run_rounds(rounds)
    slowest = rounds.busy[Key(PLAIN, "1")]
    rows = []
    for key, taken in rounds.busy.items():
        systems = int(key.task)
        ratios = [systems * one / own for one, own in zip(slowest, taken, strict=True)]
        rates = [systems * steps / own for own in taken]
        row = {
            "loop": key.library,
            "systems": systems,
            "steps_per_second": Spread.of(rates).median,
            "ratio_to_plain": Spread.of(ratios).median,
        }
        rows.append(row)
    benchmark.extra_info["rows"] = rows
    failed = {" ".join(key): why for key, why in rounds.failed.items()}
    setting = {"steps": steps, "preset": PRESET, "generator": GENERATOR}
    record("collection", {"rows": rows, "rounds": rounds.count, "missing": failed, **setting})


def _collecting(kind: type[HyperDynamics], systems: int, steps: int) -> Call:
    """Short episodes of some systems in lockstep, as training collects them, resets included."""
    config = preset(PRESET)
    task = task_for(config.env_id)
    agent = WatchedAgent(
        kind.from_pretrained(GENERATOR),
        RandomShooting(horizon=config.horizon, samples=config.samples),
        task.objective(),
        torch.Generator().manual_seed(0),
    )
    resets = [Reset(seed, {"split": task.splits[0]}) for seed in range(systems)]
    return lambda: run_episodes(config.env_id, agent, resets, steps)
