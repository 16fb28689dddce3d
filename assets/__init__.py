"""Files that ship with the package, found by name: robots and pretrained generators."""

import importlib.resources
from pathlib import Path

from hyperdyn.errors import require_known

_SHOWN = "-hypogen-latent-0-0"


def _folder(kind: str) -> Path:
    return Path(str(importlib.resources.files("hyperdyn.assets"))) / kind


def _folders(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.iterdir()))


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


def pusher_names() -> tuple[str, ...]:
    """Names that `pusher` accepts: "push", and every packaged model of the pushing study."""
    folders = _folder("pretrained").glob("push/*/config.json")
    names = sorted(f"push/{file.parent.name}" for file in folders if file.parent.name != "visual")
    return ("push", *names)


def pusher(name: str) -> Path:
    """Folder of a packaged pushing model, as `hyperdyn.pushing.load_pusher` reads it.

    Args:
        name: One of `pusher_names()`; "push" is the generated model of seed 0.

    Raises:
        UnknownNameError: If there is no such model; the text lists those there are.
    """
    require_known("pushing model", name, pusher_names())
    return _folder("pretrained") / ("push/hyperdynamics-0" if name == "push" else name)


def policies() -> Path:
    """Folder of the packaged study of generated policies: runs, and what they are read against."""
    return _folder("pretrained") / "policies"


def policy_references() -> tuple[Path, ...]:
    """What the packaged policies are read against: a folder a task."""
    return _folders(policies() / "references")


def policy_dynamics() -> tuple[Path, ...]:
    """Run folders of generated dynamics of the control suite, for proposals: a task each."""
    return _folders(policies() / "dynamics")


def policy_tasks() -> tuple[str, ...]:
    """Tasks that `policy` has a run of, sorted."""
    return tuple(sorted(run.name.removesuffix(_SHOWN) for run in policies().glob(f"*{_SHOWN}")))


def policy(task: str) -> Path:
    """Run folder of a task's packaged policy generator: HyPoGen, split 0, seed 0.

    Args:
        task: One of `policy_tasks()`.

    Raises:
        UnknownNameError: If there is none of that task; the text lists those there are.
    """
    require_known("packaged policy", task, policy_tasks())
    return policies() / f"{task}{_SHOWN}"


def goalnet() -> Path:
    """Folder of the packaged study of policies for goals: finished runs."""
    return _folder("pretrained") / "goalnet"


def genhyper() -> Path:
    """Folder of the packaged study of sampled policies: runs, and what they are read against."""
    return _folder("pretrained") / "genhyper"


def genhyper_references() -> tuple[Path, ...]:
    """Experts that the packaged samplers are read against: a folder a family."""
    return _folders(genhyper() / "references")


def locomotion() -> Path:
    """Folder of the packaged locomotion study: finished runs, without their data."""
    return _folder("pretrained") / "locomotion"
