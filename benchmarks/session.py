"""Runs the measuring process, and keeps what it finished whatever happens to it."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hyperdyn.benchmarks.environment import importable
from hyperdyn.benchmarks.settings import Settings
from hyperdyn.errors import HyperdynError, InputError

CONFIG = """[pytest]
python_files = bench_*.py
python_functions = bench_*
"""
OPTIONS = (
    "--quiet",
    "--capture=no",
    "--import-mode=importlib",
    "--benchmark-quiet",
    "--benchmark-disable-gc",
)
POOLS = ("OMP", "MKL", "OPENBLAS", "NUMBA")
GRACE = 20.0  # seconds an interrupted process gets to write down what it has


def require_pytest_benchmark() -> None:
    """Refuse to measure without the library that does it.

    Raises:
        InputError: If pytest-benchmark is not installed here.
    """
    if importlib.util.find_spec("pytest_benchmark") is None:
        raise InputError(
            "`hyperdyn bench` measures with pytest-benchmark, which is not installed; get it with "
            "pip install 'hyperdyn-toolkit[dev]'."
        )


class Session:
    """One measurement after another; `results` has what is finished, by name.

    Args:
        python: Interpreter that measures.
        raw: Where to keep what pytest-benchmark writes about the last measurement; None: nowhere.
    """

    def __init__(self, python: Path | None = None, raw: Path | None = None) -> None:
        self.python = Path(sys.executable) if python is None else python
        self.raw = raw
        self.results: dict[str, dict[str, Any]] = {}

    def run(self, name: str, settings: Settings) -> dict[str, dict[str, Any]]:
        """Run a file of benchmarks and wait for it.

        Args:
            name: The file, such as "bench_planners".
            settings: What it measures.

        Returns:
            Results of this run by name; they are added to `results` too.

        Raises:
            HyperdynError: If the process failed; `results` has what it finished before.
            KeyboardInterrupt: As it was pressed, once the process has ended.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / "pytest.ini").write_text(CONFIG)
            settings.write(folder / "settings.json")
            found: dict[str, dict[str, Any]] = {}
            with (
                importable(folder / "path") as path,
                (folder / "log.txt").open("w") as log,
            ):
                process = subprocess.Popen(
                    self._words(name, folder),
                    cwd=folder,
                    env=_environment(path, settings.threads),
                    stdout=log,
                    start_new_session=True,  # Ctrl-C reaches it once, from here
                )
                try:
                    status = process.wait()
                finally:
                    _stop(process)
                    found = _read(folder / "results.jsonl")
                    self.results |= found
            if status != 0:
                said = (folder / "log.txt").read_text().strip().splitlines()
                raise HyperdynError(
                    f"The measuring process ended with {status}; it said last:\n"
                    + "\n".join(said[-15:])
                )
            return found

    def _words(self, name: str, folder: Path) -> list[str]:
        raw = [] if self.raw is None else [f"--benchmark-json={self.raw.resolve()}"]
        return [
            *(str(self.python), "-m", "pytest", "-c", str(folder / "pytest.ini")),
            *OPTIONS,
            *("-p", "hyperdyn.benchmarks.plugin", "-p", "no:cacheprovider"),
            *("--bench-settings", str(folder / "settings.json")),
            *("--bench-results", str(folder / "results.jsonl")),
            *raw,
            str(Path(__file__).with_name(f"{name}.py")),
        ]


def _environment(path: Path, threads: int) -> dict[str, str]:
    pools = {f"{pool}_NUM_THREADS": str(threads) for pool in POOLS}
    # It is no part of tests that may have called for it, whose workers do not measure.
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**own, **pools, "PYTHONPATH": str(path)}


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        process.kill()
        process.wait()


def _read(file: Path) -> dict[str, dict[str, Any]]:
    if not file.is_file():
        return {}
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return {line["name"]: line["result"] for line in lines}
