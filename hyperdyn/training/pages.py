"""What the pages of all tables are made of: tables in Markdown, and files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown

from hyperdyn.errors import CheckpointError

SETTING = "## Setting"


def table(head: Sequence[str], *rows: Sequence[str]) -> str:
    """A table in Markdown."""
    head_line, *lines = ("| " + " | ".join(row) + " |" for row in (head, *rows))
    return "\n".join([head_line, "|" + "---|" * len(head), *lines])


def setting_parts(found: Mapping[str, Any]) -> list[str]:
    """The end of a page: how its numbers were made."""
    setting = json.dumps(found.get("setting", {}), indent=2)
    return [SETTING, f"```json\n{setting}\n```"]


def write(found: Mapping[str, Any], page: str, file: Path) -> None:
    """Write the numbers as JSON, and the page of the same name, .md, beside them.

    Raises:
        CheckpointError: If a file cannot be written.
    """
    try:
        file.write_text(json.dumps(found, indent=2) + "\n")
        file.with_suffix(".md").write_text(page)
    except OSError as error:
        raise CheckpointError(f"Could not write {file}: {error}. Name another file.") from error


def show(file: Path) -> None:
    """Show the page beside a JSON file, but for its setting, and say where both are."""
    page = file.with_suffix(".md")
    Console().print(Markdown(page.read_text().split(SETTING)[0]))
    print(f"Wrote {file} and {page}")
