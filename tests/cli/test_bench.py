"""`hyperdyn bench`: whole commands on a workload that takes no time."""

import functools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hyperdyn.benchmarks import scaling, settings, workloads
from hyperdyn.benchmarks.session import Session
from hyperdyn.cli.bench import Bench, BenchPlanners
from hyperdyn.cli.main import main, parse
from tests.benchmarks import sizes

TINY = replace(sizes.TINY, task="pushing")
PLANNERS = {"random-shooting", "cem", "icem", "mppi"}


@pytest.fixture(autouse=True, scope="module")
def _tiny() -> Iterator[None]:
    """One small workload, short turns, one size of matrix."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workloads, "WORKLOADS", {"tiny": TINY, "E2-tiny": TINY.at_once(2)})
        quick = functools.partial(settings.Settings, quick=True, slot=0.001)
        patch.setattr(settings, "Settings", quick)
        yield


@pytest.fixture(scope="module")
def measured(_tiny: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What `hyperdyn bench planners` writes, by option."""
    folder = tmp_path_factory.mktemp("bench") / "new"
    files = {name: folder / f"b.{name}" for name in ("json", "markdown", "raw")}
    words = ["bench", "planners", "--rounds", "2"]
    for name, file in files.items():
        words += [f"--{name}", str(file)]
    assert main(words) == 0
    return files


@pytest.fixture
def results(measured: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Results of `tiny`, to which every measurement now comes without measuring."""
    tiny: dict[str, Any] = json.loads(measured["json"].read_text())["workloads"]["tiny"]

    def run(self: Session, name: str, asked: settings.Settings) -> None:
        for workload in asked.workloads:
            sizes = {"candidates": workload.candidates, "horizon": workload.horizon}
            self.results[workload.name] = tiny | sizes

    monkeypatch.setattr(Session, "run", run)
    return tiny


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Peers are looked for here, where they are not."""
    from hyperdyn.benchmarks import environment

    monkeypatch.setattr(environment, "ensure_environment", lambda folder, say: None)


def test_planners_writes_every_figure(measured: dict[str, Path]):
    found = json.loads(measured["json"].read_text())
    assert set(found) == {"workloads", "machine", "settings", "command"}
    assert set(found["workloads"]) == {"tiny", "E2-tiny"}
    assert found["settings"]["threads"] == 1
    assert found["machine"]["libraries"]["torch"]
    assert set(found["machine"]["peak"]["gflops"]) == {"torch", "numpy"}
    tiny = found["workloads"]["E2-tiny"]
    assert tiny["operations_per_iteration"] == 2 * 2 * (7 * 8 + 8 * 6 + 6 * 5) * 30
    assert set(tiny["planners"]) == PLANNERS
    assert tiny["rounds"] == 2
    assert tiny["missing"] == tiny["peers"] == {}
    assert tiny["ratio_to_best_peer"] is None
    assert tiny["peak_fraction"] == tiny["planners"]["random-shooting"]["peak_fraction"]
    for entry in (tiny["rollout"], *tiny["planners"].values()):
        assert 0 < entry["peak_fraction"] < 1.3
        assert entry["seconds"] > 0
        assert entry["model_evaluations_per_second"] > 0
    assert tiny["planners"]["cem"]["ratio_to_torch"] > 0
    assert tiny["planners"]["cem"]["plans_per_second"] > 0


def test_planners_writes_tables_and_what_pytest_benchmark_writes(measured: dict[str, Path]):
    assert measured["markdown"].read_text().count("| tiny | cem |") == 1
    raw = json.loads(measured["raw"].read_text())
    assert [len(each["stats"]["data"]) for each in raw["benchmarks"]] == [2, 2]
    assert raw["benchmarks"][0]["extra_info"]["rounds"] == 2


@pytest.mark.usefixtures("results")
def test_planners_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "b.json"
    assert main(["bench", "planners", "--workloads", "tiny", "--json", str(file)]) == 0
    said = capsys.readouterr().out
    assert "random-shooting" in said
    assert f"Wrote {file}" in said
    assert main(["bench", "planners", "--json", "/dev/full"]) == 1
    assert "random-shooting" in capsys.readouterr().out


@pytest.mark.usefixtures("no_environment")
def test_peers_that_are_not_there_are_listed_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    # Without the rollout, nothing is given to torch.compile, which would take a minute.
    quick = functools.partial(settings.Settings, tasks=("cem",))
    monkeypatch.setattr(settings, "Settings", quick)
    file = tmp_path / "b.json"
    words = ["bench", "planners", "--workloads", "tiny", "--rounds", "1", "--peers"]
    assert main([*words, "--json", str(file)]) == 0
    assert "No module named 'mbrl'" in capsys.readouterr().out
    tiny = json.loads(file.read_text())["workloads"]["tiny"]
    assert set(tiny["missing"]) == set(settings.PEERS)
    assert tiny["missing"]["torchrl"].startswith("ModuleNotFoundError")
    assert tiny["peers"] == {}


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("generation", ("generate_us", "packing_us_per_system", "plan_fresh_weights_us")),
        ("training", ("step_ms", "ratio_to_per_sample")),
    ],
)
def test_generation_and_training_write_rows(
    name: str,
    figures: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    file = tmp_path / "b.json"
    assert main(["bench", name, "--rounds", "1", "--json", str(file)]) == 0
    assert "median over rounds" in capsys.readouterr().out
    found = json.loads(file.read_text())
    assert found[name]["missing"] == {}
    first = found[name]["rows"][0]
    assert all(isinstance(first[figure], float) for figure in figures)


def test_what_was_finished_is_shown_and_written_before_leaving(
    results: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    def interrupted(self: Session, name: str, asked: settings.Settings) -> None:
        self.results["tiny"] = results
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "run", interrupted)
    file = tmp_path / "b.json"
    assert main(["bench", "planners", "--json", str(file)]) == 130
    said = capsys.readouterr()
    assert "what was finished is above" in said.err
    assert "tiny" in said.out
    assert set(json.loads(file.read_text())["workloads"]) == {"tiny"}


@pytest.mark.usefixtures("results")
def test_the_plot_shows_every_axis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    values = {"candidates": (4, 8), "horizon": (2,), "systems": (1,)}
    monkeypatch.setattr(scaling, "VALUES", values)
    monkeypatch.setattr(scaling, "thread_counts", lambda: [1, 2])
    files = [tmp_path / name for name in ("b.png", "b.json")]
    words = ["bench", "planners", "--workloads", "tiny"]
    assert main([*words, "--plot", str(files[0]), "--json", str(files[1])]) == 0
    assert files[0].read_bytes().startswith(b"\x89PNG")
    found = json.loads(files[1].read_text())["scaling"]
    assert {axis: list(values) for axis, values in found.items()} == {
        "candidates": ["4", "8"],
        "horizon": ["2"],
        "systems": ["1"],
        "threads": ["1", "2"],
    }
    assert found["candidates"]["8"]["candidates"] == 8


def test_points_run_on_the_threads_asked_for_but_those_of_the_threads(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(scaling, "thread_counts", lambda: [1, 2])
    points = scaling.by_threads(1)
    assert {axis for axis, _ in points[1]} == {"candidates", "horizon", "systems", "threads"}
    assert list(points[2]) == [("threads", 2)]
    assert points[1]["systems", 64].systems == 64
    assert points[1]["systems", 64].candidates == points[2]["threads", 2].candidates == 500


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("bench planers", "Did you mean 'planners'?"),
        ("bench planners --workloads tinny", "Unknown workload 'tinny'. Did you mean 'tiny'?"),
        ("bench planners --theads 2", "Did you mean '--threads'?"),
        ("bench planners --rounds 0", "--rounds must be at least 1; got 0"),
        ("bench planners --device gpu", "Unknown device 'gpu'"),
        ("bench planners --peer-model eagre", "Did you mean 'eager'?"),
    ],
)
def test_mistakes_are_answered_before_anything_is_measured(
    words: str, reason: str, capsys: pytest.CaptureFixture[str]
):
    assert main(words.split()) == 2
    assert reason in capsys.readouterr().err


def test_without_pytest_benchmark_one_is_told_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["bench", "training"]) == 2
    assert "hyperdyn-toolkit[dev]" in capsys.readouterr().err


def test_help_lists_the_benchmarks_and_their_options(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    page = capsys.readouterr().out
    assert all(name in page for name in Bench.commands)
    with pytest.raises(SystemExit):
        main(["bench", "planners", "--help"])
    assert "--peers" in capsys.readouterr().out
    assert isinstance(parse(["bench", "planners", "--peers"]), BenchPlanners)
