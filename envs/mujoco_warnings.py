"""Divergence in a rollout is an answer, not news: MuJoCo's message of it is kept off the screen."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mujoco

UNSTABLE = "The simulation is unstable"  # how MuJoCo ends what it says of a NaN or a huge number

_lock = threading.Lock()
_inside = 0
_before: Any = None
_others: set[str] = set()


@contextmanager
def divergence_unsaid() -> Iterator[None]:
    """Keep MuJoCo from printing, and logging to a file, every divergence inside the block.

    Its handler is one for the whole process: it is swapped when the first thread enters, and given
    back when the last one leaves. Anything else that MuJoCo warns of becomes a `RuntimeWarning`,
    once each, at that point.
    """
    global _inside, _before
    with _lock:
        if _inside == 0:
            _before = mujoco.get_mju_user_warning()
            mujoco.set_mju_user_warning(_hear)
        _inside += 1
    others: list[str] = []
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                mujoco.set_mju_user_warning(_before)
                others = sorted(_others)
                _others.clear()
    for text in others:
        warnings.warn(f"MuJoCo: {text}", RuntimeWarning, stacklevel=3)


def _hear(text: str) -> None:
    if UNSTABLE not in text:
        _others.add(text.split(" Time =")[0].strip())
