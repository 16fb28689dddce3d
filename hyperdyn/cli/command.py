"""What every command is, and the arguments that several of them take."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.training.tasks import Task

Job = Callable[[], None]

Model = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
EnvId = Annotated[str, tyro.conf.arg(metavar="ID")]


@dataclass(frozen=True, kw_only=True)
class Command(abc.ABC):
    """Arguments as a frozen dataclass, and the job they ask for."""

    @abc.abstractmethod
    def prepare(self) -> Job:
        """Check everything that can be wrong about the arguments, and return the job.

        Raises:
            UnknownNameError: For a name that does not exist.
            InputError: For a value that cannot be used.
        """

    @property
    def when_interrupted(self) -> str:
        """What to tell someone who pressed Ctrl-C."""
        return "Stopped; nothing was written."


def require_split(task: "Task", split: str) -> None:
    """Refuse a split that an environment does not have.

    Raises:
        UnknownNameError: With the splits there are and the nearest.
    """
    require_known(f"split of {task.env_id}", split, task.splits)


def require_positive(option: str, value: int) -> None:
    """Refuse a count below one.

    Raises:
        InputError: With the option and the value given.
    """
    if value < 1:
        raise InputError(f"{option} must be at least 1; got {value}.")


def require_sources(runs: Path | None, option: str, sources: Sequence[Path]) -> None:
    """Refuse runs without what they learnt from, and the other way round; neither is: packaged.

    Raises:
        InputError: Saying what belongs together.
    """
    if (runs is None) != (not sources):
        raise InputError(
            f"--runs and {option} belong together: give what the runs learnt from, or neither, for "
            "the packaged runs."
        )


def make_room_for(file: Path) -> None:
    """Make the folder a file will stand in, before the work that fills it.

    Raises:
        InputError: If a folder stands where the file should.
    """
    if file.is_dir():
        raise InputError(f"{file} is a folder; name a file in it.")
    file.parent.mkdir(parents=True, exist_ok=True)
