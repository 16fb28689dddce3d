"""What all benchmarks share: the files they write, and how they show what was measured."""

import abc
import importlib.util
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from hyperdyn.cli.command import Command, make_room_for
from hyperdyn.errors import InputError

if TYPE_CHECKING:
    from hyperdyn.benchmarks.report import Table

LOG_WIDTH = 150

File = Annotated[Path | None, tyro.conf.arg(metavar="FILE")]
Names = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME [NAME ...]")]


@dataclass(frozen=True, kw_only=True)
class Benchmark(Command, abc.ABC):
    """What all benchmarks take."""

    json: File = None
    """Where to write every figure, the machine, the settings and this command."""
    markdown: File = None
    """Where to write the tables as Markdown."""

    @property
    def when_interrupted(self) -> str:
        """What was finished has been shown and written."""
        return "Stopped; what was finished is above, and in the files asked for."

    def make_room(self, *more: Path | None) -> None:
        """Make the folders of all files asked for, and of more of them.

        Raises:
            InputError: If a folder stands where a file should.
        """
        for file in (self.json, self.markdown, *more):
            if file is not None:
                make_room_for(file)

    def publish(
        self, found: Mapping[str, Any], tables: "Sequence[Table]", remarks: Sequence[str] = ()
    ) -> None:
        """Print the tables and remarks on them, and write the files, whichever of them fails."""
        from rich.console import Console

        console = Console(markup=False, highlight=False)
        if not console.is_terminal:
            console.width = max(console.width, LOG_WIDTH)
        try:
            for table in tables:
                console.print(table.rich())
            for remark in remarks:
                print(remark)
        finally:
            if self.json is not None:
                written = {**found, "command": shlex.join(["hyperdyn", *sys.argv[1:]])}
                self.json.write_text(json.dumps(written, indent=2) + "\n")
            if self.markdown is not None:
                text = "\n\n".join(table.markdown() for table in tables)
                self.markdown.write_text(text + "\n")
        say_written(self.json, self.markdown)


def say_written(*files: Path | None) -> None:
    """Name those files that were asked for and are there."""
    for file in files:
        if file is not None and file.exists():
            print(f"Wrote {file}")


def require_matplotlib(option: str) -> None:
    """Refuse an option that draws where nothing can.

    Raises:
        InputError: Saying how to get matplotlib.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError(
            f"{option} needs matplotlib; get it with pip install 'hyperdyn-toolkit[view]'."
        )
