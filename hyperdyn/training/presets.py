"""Named training runs: a new experiment is a new entry here.

TASK-MODEL-reduced is about ten core-minutes, for tables over all tasks, models and seeds. TASK is
one of `ROADS`, MODEL is a kind ("expert-ensemble" for expert_ensemble), or of `VARIANTS`, which are
ablations of the generator. TASK-MODEL-paper has the paper's budget, on the paper's tasks. The tasks
of the control suite (`hyperdyn.envs.suite.GRIDS`) have reduced runs of `SUITE_KINDS`, a few
core-minutes each.
"""

from collections.abc import Callable
from dataclasses import replace

from hyperdyn.baselines import ExpertsConfig
from hyperdyn.envs.suite.grids import GRIDS
from hyperdyn.errors import require_known
from hyperdyn.generators import GENERATORS
from hyperdyn.model import ModelConfig
from hyperdyn.training.configs import TrainConfig
from hyperdyn.training.demonstrations.experts import PLANNERS
from hyperdyn.training.tasks import cheetah_state_space, task_for

_PAPER = TrainConfig(
    env_id="hyperdyn/CheetahSlope-v0",
    kind="hyperdynamics",
    model=ModelConfig(state_space=cheetah_state_space(relative=False), action_dim=6),
    groups=2,
)
"""The paper's model and budget: about six core-hours. Two processes can share a round."""

_RELEASED = replace(
    _PAPER,
    iterations=500,
    stop_window=None,
    model=replace(_PAPER.model, code_dim=1, hyper_hidden=32, initialisation="normal"),
)
"""The sizes and budget of the code released with the paper."""

_REDUCED = replace(
    _PAPER,
    iterations=60,
    decay_iterations=20,
    rollouts=5,
    updates=1500,
    unroll=4,
    final_updates=8000,
    stop_window=None,
)
"""The paper's model in about half a core-hour: fewer rounds, episodes and optimiser steps."""

_SHORT = replace(_REDUCED, iterations=6, decay_iterations=3, final_updates=2000)
"""A few core-minutes, for comparisons over seeds."""

ROADS = {
    "cheetah-slope": "hyperdyn/CheetahSlope-v0",
    "cheetah-pier": "hyperdyn/CheetahPier-v0",
    "ant-slope": "hyperdyn/AntSlope-v0",
    "ant-pier": "hyperdyn/AntPier-v0",
    "cheetah-body": "hyperdyn/CheetahBody-v0",
    "ant-body": "hyperdyn/AntBody-v0",
    "cheetah-crippled": "hyperdyn/CheetahCrippled-v0",
    "ant-crippled": "hyperdyn/AntCrippled-v0",
    "cheetah-flip": "hyperdyn/CheetahFlip-v0",
    "ant-flip": "hyperdyn/AntFlip-v0",
}
"""The tasks by their short names."""

PAPER_TASKS = tuple(ROADS)[:4]
"""The paper's."""

KINDS = ("hyperdynamics", "direct", "film", "recurrent", "maml", "expert_ensemble", "cadm")
"""The models of the tables."""

VARIANTS: dict[str, Callable[[TrainConfig], TrainConfig]] = {
    "code-4": lambda run: replace(run, model=replace(run.model, code_dim=4)),
    "code-8": lambda run: replace(run, model=replace(run.model, code_dim=8)),
    "unbased": lambda run: replace(run, model=replace(run.model, initialisation="hyperfan-in")),
    "normalised": lambda run: replace(run, kind="hyperdynamics_normalised"),
    "gru": lambda run: replace(run, kind="hyperdynamics_gru"),
    "leaky": lambda run: replace(run, model=replace(run.model, encoder_activation="leaky_relu")),
    "masked": lambda run: replace(run, hidden_share=0.3),
    "one-step": lambda run: replace(run, unroll=1, final_unroll=1),
    "cem-driven": lambda run: replace(run, planner="cem-cold"),
    "ensemble": lambda run: run_for(run.env_id, "hyperdynamics_ensemble", run),
}
"""What is changed of the generator's own run. "code-4" and "code-8" are the wider codes of the
paper's table 5. The generator is residual around a learned base from the first step on
(initialisation "bias": every code's network is the base and something small); "unbased" begins with
networks that the codes alone make. "gru" reads the history with the recurrent baseline's encoder;
"leaky" has encoder units that cannot die: most rectifiers in the second layer of the generator's
are off for good in the end. "one-step" is without multi-step windows. "cem-driven" collects with
the cross-entropy method in place of random shooting, at equal candidates. An "ensemble" of five
trains four to five times as long, and plans five times as long."""


def run_for(env_id: str, kind: str, budget: TrainConfig) -> TrainConfig:
    """The run of a kind on a task, with the budget of another run.

    Networks see height and distance relative to the last state watched (`Task.state_space`); sizes
    are the paper's, and for CaDM's context its own.
    """
    task, config_type = task_for(env_id), GENERATORS[kind].config_type
    model: ModelConfig
    if config_type is ExpertsConfig:
        places = tuple(expert.truth for expert in task.experts)
        model = ExpertsConfig(
            state_space=task.state_space, action_dim=task.action_dim, experts=places
        )
    else:
        model = config_type(state_space=task.state_space, action_dim=task.action_dim)
    return replace(budget, env_id=env_id, kind=kind, model=model)


def preset(name: str) -> TrainConfig:
    """The run of that name.

    Raises:
        UnknownNameError: If there is none; lists the valid names.
    """
    require_known("preset", name, PRESETS)
    return PRESETS[name]


def _relative(config: TrainConfig) -> TrainConfig:
    """Networks see height and distance relative to the last state watched."""
    return replace(
        config, model=replace(config.model, state_space=cheetah_state_space(relative=True))
    )


_TABLE = replace(
    _REDUCED,
    iterations=20,
    decay_iterations=7,
    groups=1,
    samples=250,
    updates=500,
    final_updates=6000,
)
"""Twenty rounds of five episodes, planned with half the paper's candidates. In one group, which is
fastest in one process: a study trains several runs side by side."""

_SUITE = replace(_TABLE, iterations=8, decay_iterations=3, steps=250)
"""Eight rounds of five episodes of 250 steps; see `hyperdyn train dynamics` for a better first."""

SUITE_KINDS = ("hyperdynamics", "direct", "film")
"""Models of the suite's tasks. Sampled actions are held as long as the planner that demonstrates
holds them."""


def _generated() -> dict[str, TrainConfig]:
    """The runs whose names say what they are."""
    runs = {}
    for road, env_id in ROADS.items():
        for kind in KINDS:
            name = f"{road}-{kind.replace('_', '-')}"
            runs[f"{name}-reduced"] = run_for(env_id, kind, _TABLE)
            if road in PAPER_TASKS:
                runs[f"{name}-paper"] = run_for(env_id, kind, _PAPER)
        base = runs[f"{road}-hyperdynamics-reduced"]
        runs |= {f"{road}-{name}-reduced": vary(base) for name, vary in VARIANTS.items()}
    for grid in GRIDS.values():
        budget = replace(_SUITE, hold=PLANNERS[grid.task.split("-")[0]].hold)
        for kind in SUITE_KINDS:
            runs[f"{grid.task}-{kind}-reduced"] = run_for(grid.env_id, kind, budget)
    return runs


GENERATED = _generated()
"""TASK-MODEL-reduced for every task, model and variant, TASK-MODEL-paper for the paper's tasks; and
the suite's."""

PRESETS = {
    "cheetah-slope": _REDUCED,
    "cheetah-slope-direct": replace(_REDUCED, kind="direct"),
    "cheetah-slope-film": replace(_REDUCED, kind="film"),
    "cheetah-slope-short": _SHORT,
    "cheetah-slope-short-direct": replace(_SHORT, kind="direct"),
    "cheetah-slope-short-film": replace(_SHORT, kind="film"),
    "cheetah-slope-short-relative": _relative(_SHORT),
    "cheetah-slope-paper": _PAPER,
    "cheetah-slope-released": _RELEASED,
    **GENERATED,
}
