"""What a measurement ran on."""

import importlib.metadata
import os
import platform
from pathlib import Path

import torch

from hyperdyn.benchmarks.settings import Settings

LIBRARIES = ("torch", "numpy", "numba", "llvmlite")


def describe(settings: Settings) -> dict[str, object]:
    """Processor, cores, load, and the versions of what is measured."""
    described: dict[str, object] = {
        "processor": _processor(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "device": settings.device,
        "libraries": {name: _version(name) for name in (*LIBRARIES, *settings.peers)},
    }
    if settings.device == "cuda":
        described["accelerator"] = torch.cuda.get_device_name()
    return described


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    if table.is_file():
        for line in table.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
