"""What the pages of all tables are made of: tables in Markdown, and files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hyperdyn.errors import CheckpointError


def table(head: Sequence[str], *rows: Sequence[str]) -> str:
    """A table in Markdown."""
    head_line, *lines = ("| " + " | ".join(row) + " |" for row in (head, *rows))
    return "\n".join([head_line, "|" + "---|" * len(head), *lines])


def setting_parts(found: Mapping[str, Any]) -> list[str]:
    """The end of a page: how its numbers were made."""
    setting = json.dumps(found.get("setting", {}), indent=2)
    return ["## Setting", f"```json\n{setting}\n```"]


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
