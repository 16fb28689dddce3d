"""The pytest plugin of the measuring process: hands settings in and results out.

python -m pytest -p hyperdyn.benchmarks.plugin --bench-settings FILE --bench-results FILE ...
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tqdm import tqdm

from hyperdyn.benchmarks.machine import describe
from hyperdyn.benchmarks.peak import Peak, find_peak
from hyperdyn.benchmarks.settings import Settings
from hyperdyn.benchmarks.timing import Key, Rounds

Record = Callable[[str, dict[str, Any]], None]
"""Writes a result down, under a name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the two files."""
    parser.addoption("--bench-settings", type=Path, required=True)
    parser.addoption("--bench-results", type=Path, required=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a workload once for each."""
    if "workload" in metafunc.fixturenames:
        found = Settings.read(metafunc.config.getoption("--bench-settings")).workloads
        metafunc.parametrize("workload", found, ids=[workload.name for workload in found])


@pytest.fixture(scope="session")
def settings(pytestconfig: pytest.Config) -> Settings:
    """What is asked for; sets the threads of torch."""
    found = Settings.read(pytestconfig.getoption("--bench-settings"))
    torch.set_num_threads(found.threads)
    return found


@pytest.fixture
def generator() -> torch.Generator:
    """Source of models, states and candidates."""
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def peak(settings: Settings, record: Record) -> Peak:
    """The fastest matrix product, looked for once."""
    found = find_peak(
        torch.device(settings.device), torch.Generator().manual_seed(0), quick=settings.quick
    )
    record("machine", describe(settings))
    record(
        "peak",
        {
            "library": found.library,
            "size": found.size,
            "gflops": {name: rate / 1e9 for name, rate in found.rates.items()},
            "copy_gigabytes_per_second": found.bandwidth / 1e9,
        },
    )
    return found


@pytest.fixture(scope="session")
def record(pytestconfig: pytest.Config) -> Record:
    """Append a line to the results, at once: what is finished survives whatever comes next."""
    file: Path = pytestconfig.getoption("--bench-results")

    def write(name: str, result: dict[str, Any]) -> None:
        with file.open("a") as results:
            results.write(json.dumps({"name": name, "result": result}) + "\n")

    return write


@pytest.fixture
def run_rounds(
    settings: Settings, benchmark: Any, request: pytest.FixtureRequest
) -> Iterator[Callable[[Rounds], None]]:
    """Warm up and run the rounds under pytest-benchmark, with a bar on standard error."""
    name = request.node.name.removeprefix("bench_")
    with tqdm(desc=name, file=sys.stderr, leave=False, disable=settings.quick) as bar:

        def show(key: Key) -> None:
            bar.set_postfix_str(" ".join(key), refresh=False)
            bar.update()

        def run(rounds: Rounds) -> None:
            bar.reset(total=len(rounds.calls) * (settings.rounds + 1))
            rounds.on_turn = show
            rounds.warm_up()
            benchmark.pedantic(rounds, rounds=settings.rounds, iterations=1)

        yield run
