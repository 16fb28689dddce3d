"""The measuring process: what it is told, what it leaves behind however it ends."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperdyn.benchmarks.session import Session
from hyperdyn.benchmarks.settings import Budget, Settings
from hyperdyn.errors import HyperdynError
from tests.benchmarks.sizes import TINY

DONE = """
import json
with open("results.jsonl", "w") as file:
    print(json.dumps({"name": "tiny", "result": {"rounds": 3}}), file=file)
"""


def as_process(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let the measuring process be some lines of Python."""
    monkeypatch.setattr(Session, "_words", lambda *_: [sys.executable, "-c", code])


def test_settings_survive_the_way_to_the_process(tmp_path: Path):
    settings = Settings(workloads=(TINY,), peers=("mbrl",), tasks=("cem",), budget=Budget())
    settings.write(tmp_path / "settings.json")
    assert Settings.read(tmp_path / "settings.json") == settings


def test_a_process_that_fails_says_why_and_leaves_what_it_finished(
    monkeypatch: pytest.MonkeyPatch,
):
    as_process(monkeypatch, f"{DONE}\nprint('out of memory', flush=True)\nexit(3)")
    session = Session()
    with pytest.raises(HyperdynError, match=r"(?s)ended with 3.*out of memory"):
        session.run("bench_planners", Settings())
    assert session.results == {"tiny": {"rounds": 3}}


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C raises, as it does in a command; in a worker of several it would be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_the_process_and_keeps_what_it_finished(monkeypatch: pytest.MonkeyPatch):
    code = f"""
import os, signal, time
{DONE}
try:
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(60)
except KeyboardInterrupt:
    with open("results.jsonl", "a") as file:
        print('{{"name": "half", "result": {{}}}}', file=file)
"""
    as_process(monkeypatch, code)
    session = Session()
    with pytest.raises(KeyboardInterrupt):
        session.run("bench_planners", Settings())
    assert set(session.results) == {"tiny", "half"}


def test_threads_and_the_package_reach_the_process(monkeypatch: pytest.MonkeyPatch):
    code = """
import json, os
import hyperdyn.benchmarks.workloads
pools = [os.environ[f"{pool}_NUM_THREADS"] for pool in ("OMP", "MKL", "OPENBLAS")]
with open("results.jsonl", "w") as file:
    print(json.dumps({"name": "seen", "result": {"pools": pools}}), file=file)
"""
    as_process(monkeypatch, code)
    assert Session().run("bench_planners", Settings(threads=2)) == {
        "seen": {"pools": ["2", "2", "2"]}
    }
