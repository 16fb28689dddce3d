"""A study of untrained models, and episodes short enough for tests."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hyperdyn.generators import build_generator
from hyperdyn.storage import to_config
from hyperdyn.training.locomotion import LocomotionStudy, Run
from hyperdyn.training.presets import ROADS
from hyperdyn.training.run_folder import FINISHED
from hyperdyn.training.tasks import TASKS

SLOPE = "cheetah-slope"
STEPS = 40
SMALL = {"encoder_hidden": (8,), "dynamics_hidden": (8,), "hyper_hidden": 4}
SETTINGS = {"samples": 20, "horizon": 3, "episodes": 2}


def shorten_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    for env_id in ROADS.values():
        monkeypatch.setitem(TASKS, env_id, replace(TASKS[env_id], episode_steps=STEPS))


def add_run(study: Path, run: Run, weights: int = 0) -> None:
    """What training would leave behind."""
    config = run.config("reduced")
    config = replace(config, model=replace(config.model, **SMALL))
    rng = torch.Generator().manual_seed(run.seed + weights)
    model = build_generator(config.kind, config.model, generator=rng)
    S, A = model.state_space.dim, model.action_dim
    model.normaliser.fit(
        torch.randn(64, S, generator=rng),
        torch.rand(64, A, generator=rng),
        torch.randn(64, S, generator=rng) * 0.05,
    )
    folder = study / run.name
    model.save(folder / "model")
    record = {"format": "hyperdyn-run", "version": 1, "config": to_config(config)}
    (folder / "run.json").write_text(json.dumps(record))
    rows = [{"iteration": n, "return_mean": 10.0 * n + run.seed} for n in range(3)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / FINISHED).touch()


def study_of(
    folder: Path, tasks: Sequence[str], models: Sequence[str], seeds: Sequence[int]
) -> Path:
    for task in tasks:
        for model in models:
            for seed in seeds:
                add_run(folder, Run(task=task, model=model, seed=seed))
    return folder


def small_study(folder: Path) -> LocomotionStudy:
    """Two models of one task, two seeds; the experts and an ablation; a robot beyond the paper."""
    runs = study_of(folder / "runs", [SLOPE], ["hyperdynamics", "direct"], [0, 1])
    study_of(runs, [SLOPE], ["code-4", "expert_ensemble"], [0])
    study_of(runs, ["cheetah-body"], ["direct"], [0])
    return LocomotionStudy(folder=runs, kept=folder / "t.cells", **SETTINGS)
