"""PyBullet, loaded when an environment is first made, and without the line it prints."""

import contextlib
import functools
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hyperdyn.errors import HyperdynError


@functools.cache
def load_pybullet() -> Any:
    """The `pybullet` module.

    Raises:
        HyperdynError: If it is not installed; names the extra.
    """
    try:
        with _silence():
            return importlib.import_module("pybullet")
    except ImportError as error:
        raise HyperdynError(
            "Pushing needs PyBullet: pip install 'hyperdyn-toolkit[push]'. It has wheels for "
            "Python 3.11."
        ) from error


def kuka_folder() -> Path:
    """The folder with the Kuka iiwa that PyBullet brings."""
    load_pybullet()
    with _silence():
        data = importlib.import_module("pybullet_data")
    return Path(data.getDataPath()) / "kuka_iiwa"


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep what C code prints from both streams."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        for stream, descriptor in enumerate(kept, start=1):
            os.dup2(descriptor, stream)
            os.close(descriptor)
        os.close(nowhere)
