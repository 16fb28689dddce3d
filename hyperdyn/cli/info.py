"""`hyperdyn info`: what is installed here and what it can do."""

import importlib.util
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from hyperdyn.cli.command import Command, Job

VERSIONS = ("hyperdyn-toolkit", "torch", "numpy", "mujoco", "gymnasium", "numba")
EXTRAS = {
    "push": ("pybullet", "trimesh", "manifold3d"),
    "perception": ("open3d",),
    "suite": ("dm_control",),
    "experts": ("dm_control", "stable_baselines3"),
    "view": ("imageio", "imageio_ffmpeg", "matplotlib", "viser"),
    "cluster": ("ray",),
}


@dataclass(frozen=True, kw_only=True)
class Info(Command):
    """Show versions, processor and device, extras, off-screen rendering, presets and models."""

    def prepare(self) -> Job:
        """Nothing can be wrong."""
        return show


def show() -> None:
    """Print the table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    rows = {
        "versions": _versions(),
        "device": _device(),
        "extras": _extras(),
        "pictures": _rendering(),
        "environments": _environments(),
        "presets": _presets(),
        "models": _models(),
        "pushing": _pushers(),
    }
    for name, lines in rows.items():
        table.add_row(name, "\n".join(lines))
    Console(soft_wrap=False, highlight=False, markup=False).print(table)


def _versions() -> list[str]:
    import importlib.metadata

    lines = [f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"]
    for name in VERSIONS:
        try:
            lines.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"{name}: not installed (run from a source checkout?)")
    return lines


def _device() -> list[str]:
    import torch

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    lines = [f"{usable} usable cores; torch runs an operation on {torch.get_num_threads()} threads"]
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        lines += [f"cuda:{index} {torch.cuda.get_device_name(index)}" for index in range(count)]
    else:
        lines.append("no CUDA device")
    return lines


def _extras() -> list[str]:
    lines = []
    for extra, modules in EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        lines.append(f"{extra}: {'missing ' + ', '.join(missing) if missing else 'present'}")
    return lines


def _rendering() -> list[str]:
    from hyperdyn import envs
    from hyperdyn.errors import HyperdynError

    env = envs.make(envs.ENV_IDS[0], render_mode="rgb_array", width=16, height=16)
    try:
        env.reset(seed=0)
        env.render()
    except HyperdynError as error:
        return [str(error)]
    finally:
        env.close()
    return ["off-screen OpenGL works"]


def _environments() -> list[str]:
    from hyperdyn.training.tasks import TASKS

    return [f"{env_id}: {', '.join(task.splits)}" for env_id, task in TASKS.items()]


def _presets() -> list[str]:
    from hyperdyn.envs.suite.grids import GRIDS
    from hyperdyn.training.presets import (
        GENERATED,
        KINDS,
        PRESETS,
        ROADS,
        SUITE_KINDS,
        VARIANTS,
    )

    listed = [
        f"{name}: {run.kind}, {run.iterations} x {run.rollouts} episodes of {run.steps} steps"
        for name, run in PRESETS.items()
        if name not in GENERATED
    ]
    models = ", ".join(kind.replace("_", "-") for kind in KINDS)
    return [
        *listed,
        "TASK-MODEL-reduced, TASK-VARIANT-reduced; on the first four tasks also TASK-MODEL-paper",
        f"  tasks: {', '.join(ROADS)}",
        f"  models: {models}; variants: {', '.join(VARIANTS)}",
        f"control suite: TASK-MODEL-reduced with {', '.join(SUITE_KINDS)}",
        f"  tasks: {', '.join(GRIDS)}",
    ]


def _training(record: Path) -> str:
    """How a generator was trained, as the record that its run left beside it says."""
    run = json.loads(record.read_text())["config"]
    return (
        f"{run['iterations']} rounds of {run['rollouts']} episodes of {run['steps']} steps on "
        f"{run['env_id']}, {run['samples']} x {run['horizon']} planning, seed {run['seed']}"
    )


def _pushers() -> list[str]:
    from hyperdyn import assets

    names = assets.pusher_names()
    return [", ".join(name.removeprefix("push/") for name in names)]


def _models() -> list[str]:
    from hyperdyn import assets, load_generator

    lines = []
    for name in assets.pretrained_names():
        model = load_generator(name)
        sizes = " x ".join(str(size) for size in model.config.network.sizes)
        lines.append(f"{name}: {model.kind}, K = {model.history_length}, a {sizes} network")
        lines.append(f"  {_training(assets.pretrained(name) / 'run.json')}")
    return lines or ["none"]
