"""The errors hyperdyn raises: each says what was given, what was wanted and how to mend it."""

import difflib
from collections.abc import Iterable


class HyperdynError(ValueError):
    """Base of every error raised on purpose; its text is meant for the person at the keyboard."""


class InputError(HyperdynError):
    """A value, shape, dtype or device that a function cannot work with."""


class CheckpointError(HyperdynError):
    """A file or folder that cannot be read back, or could not be written."""


class UnknownNameError(HyperdynError):
    """A name that is not registered; the text lists the valid ones and the nearest."""


def require_known(kind: str, name: str, valid: Iterable[str]) -> None:
    """Raise `UnknownNameError` unless `name` is one of `valid`.

    Args:
        kind: What the name stands for, as it reads in a sentence ("preset", "planner").
        name: The name given.
        valid: Every name that would have been accepted.

    Raises:
        UnknownNameError: With the valid names and, where one is close, the nearest.
    """
    names = sorted(valid)
    if name in names:
        return
    close = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise UnknownNameError(f"Unknown {kind} {name!r}.{hint} Valid: {', '.join(names)}.")
