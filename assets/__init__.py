"""Files that ship with the package, found by name: robots and pretrained generators."""

import importlib.resources
from pathlib import Path

from hyperdyn.errors import require_known


def _folder(kind: str) -> Path:
    return Path(str(importlib.resources.files("hyperdyn.assets"))) / kind


def robot_names() -> tuple[str, ...]:
    """Names that `robot` accepts, sorted."""
    return tuple(sorted(file.stem for file in _folder("robots").glob("*.xml")))


def robot(name: str) -> Path:
    """Path of a packaged robot model (MJCF).

    Args:
        name: One of `robot_names()`, such as "half_cheetah".

    Raises:
        UnknownNameError: If there is no such robot; the text lists those there are.
    """
    require_known("robot", name, robot_names())
    return _folder("robots") / f"{name}.xml"


def pretrained_names() -> tuple[str, ...]:
    """Names that `pretrained` accepts, sorted: every packaged folder with a `config.json`."""
    return tuple(sorted(file.parent.name for file in _folder("pretrained").glob("*/config.json")))


def pretrained(name: str) -> Path:
    """Folder of a packaged pretrained generator, as its `from_pretrained` reads it.

    Args:
        name: One of `pretrained_names()`.

    Raises:
        UnknownNameError: If there is no such model; the text lists those there are.
    """
    require_known("pretrained model", name, pretrained_names())
    return _folder("pretrained") / name
