"""Folders that hold numbers and their description: written whole or not at all, checked when read.

A folder is `config.json` beside `tensors.safetensors`. The configuration names the kind of thing,
the version of the layout and the SHA-256 of the tensors. Nothing is ever unpickled.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
from torch import Tensor

from hyperdyn.errors import CheckpointError, HyperdynError

FORMAT_VERSION = 1
CONFIG_FILE = "config.json"
TENSOR_FILE = "tensors.safetensors"
_HEADER = ("format", "version", "kind", "sha256", "config")

T = TypeVar("T")


def write_folder(
    folder: str | Path, kind: str, config: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> None:
    """Write a folder in one step: a reader sees the old one or the new one, never a mixture.

    Args:
        folder: Where to; its parent is made if missing. A folder of the same kind is replaced.
        kind: What it holds; reading asks for the same word.
        config: JSON values.
        tensors: Named tensors, on any device.

    Raises:
        CheckpointError: If it cannot be written (a full disk, say), or something else stands there.
    """
    folder = Path(folder)
    temporary = folder.with_name(f".{folder.name}.writing")
    retired = _retired(folder)
    _recover(folder)
    if folder.exists() and not (folder / CONFIG_FILE).is_file():
        raise CheckpointError(
            f"{folder} exists and is not a hyperdyn folder; it is left alone. Choose another name."
        )
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        contiguous = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        safetensors.torch.save_file(contiguous, str(temporary / TENSOR_FILE))
        header = {
            "format": "hyperdyn",
            "version": FORMAT_VERSION,
            "kind": kind,
            "sha256": _digest(temporary / TENSOR_FILE),
            "config": dict(config),
        }
        (temporary / CONFIG_FILE).write_text(json.dumps(header, indent=2) + "\n")
        for path in (temporary / TENSOR_FILE, temporary / CONFIG_FILE, temporary):
            _flush(path)
        if folder.exists():
            shutil.rmtree(retired, ignore_errors=True)
            folder.rename(retired)
        temporary.rename(folder)
        _flush(folder.parent)
        shutil.rmtree(retired, ignore_errors=True)
    except (OSError, safetensors.SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        _recover(folder)
        raise CheckpointError(
            f"Could not write {folder}: {error}. What was there before is unchanged; make room or "
            "choose another place, and repeat."
        ) from error


def read_folder(folder: str | Path, kind: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a folder written by `write_folder`.

    Args:
        folder: The folder.
        kind: What it must hold.

    Returns:
        Its configuration and its tensors.

    Raises:
        CheckpointError: If it is missing, damaged, of another kind, or of another version.
    """
    folder = Path(folder)
    header = read_header(folder)
    if header["kind"] != kind:
        raise CheckpointError(f"{folder} holds a {header['kind']!r}, not a {kind!r}; name another.")
    path = folder / TENSOR_FILE
    if not path.is_file():
        raise CheckpointError(f"{folder} has no {TENSOR_FILE}; copy the whole folder again.")
    found = _digest(path)
    if found != header["sha256"]:
        raise CheckpointError(
            f"{path} is damaged: its SHA-256 is {found[:12]}…, {CONFIG_FILE} says "
            f"{str(header['sha256'])[:12]}…. Copy the folder again or train anew."
        )
    try:
        return header["config"], safetensors.torch.load_file(str(path))
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}.") from error


def is_written(folder: Path) -> bool:
    """Whether `write_folder` has completed there."""
    _recover(folder)
    return (folder / CONFIG_FILE).is_file()


def read_header(folder: Path) -> dict[str, Any]:
    """Read and check `config.json` alone.

    Raises:
        CheckpointError: If it is missing, not JSON, not ours, or of another version.
    """
    path = folder / CONFIG_FILE
    _recover(folder)
    try:
        header = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{folder} has no {CONFIG_FILE}; give a folder hyperdyn saved."
        ) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(header, dict) or header.get("format") != "hyperdyn":
        raise CheckpointError(f"{path} was not written by hyperdyn; give a folder hyperdyn saved.")
    if header.get("version") != FORMAT_VERSION:
        raise CheckpointError(
            f"{folder} has layout version {header.get('version')}; this hyperdyn reads version "
            f"{FORMAT_VERSION}. Use the release that wrote it, or train anew."
        )
    _require_keys(header, _HEADER, str(path))
    return header


def to_config(value: Any) -> Any:
    """Turn a frozen dataclass, and all it holds, into JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_config(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [to_config(item) for item in value]
    return value


def from_config(kind: type[T], config: Any) -> T:
    """Rebuild a dataclass from JSON values; the inverse of `to_config`.

    Raises:
        CheckpointError: If keys are unknown or missing, or a value has the wrong type.
    """
    where = kind.__name__
    if not isinstance(config, dict):
        raise CheckpointError(f"The configuration of {where} is {config!r}; a mapping is wanted.")
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    _require_keys(config, names, where)
    try:
        return kind(**{name: _convert(hints[name], config[name]) for name in names})
    except CheckpointError:
        raise
    except (HyperdynError, TypeError) as error:
        raise CheckpointError(f"The configuration of {where} is not valid: {error}") from error


def _convert(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return from_config(hint, value)
    if origin is tuple and isinstance(value, list):
        return tuple(_convert(typing.get_args(hint)[0], item) for item in value)
    if origin in (typing.Union, types.UnionType):
        allowed = typing.get_args(hint)
    else:
        allowed = (hint,)
    if float in allowed and type(value) is int:
        value = float(value)
    if not any(type(value) is option for option in allowed):
        raise CheckpointError(f"Found {value!r} where a value of type {hint} is wanted.")
    return value


def _require_keys(found: Mapping[str, Any], wanted: Iterable[str], where: str) -> None:
    unknown = sorted(set(found) - set(wanted))
    missing = sorted(set(wanted) - set(found))
    if unknown or missing:
        raise CheckpointError(
            f"{where} has unknown keys {unknown} and lacks {missing}; it was written by another "
            "version or changed by hand."
        )


def _retired(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.replaced")


def _recover(folder: Path) -> None:
    """Undo the first of two renames when a writer was killed between them."""
    if not folder.exists() and _retired(folder).exists():
        _retired(folder).rename(folder)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
