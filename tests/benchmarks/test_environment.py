"""The peers' environment: when it is made, and what stands in the list of packages."""

import re
import sys
from pathlib import Path

import pytest

from hyperdyn.benchmarks import environment
from hyperdyn.benchmarks.environment import REQUIREMENTS, ensure_environment, importable
from hyperdyn.errors import HyperdynError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been run; nothing is."""
    ran: list[list[str]] = []
    monkeypatch.setattr(environment, "_run", ran.append)
    return ran


def pins(file: Path) -> dict[str, str]:
    lines = [line.split("#")[0].strip() for line in file.read_text().splitlines()]
    return dict(line.split("==") for line in lines if line)


def test_every_package_is_pinned_and_shared_ones_as_in_the_constraints():
    wanted = pins(REQUIREMENTS)
    assert wanted["torch"] == "2.13.0"
    assert {"pytorch-mppi", "torchrl", "mbrl", "stable-worldmodel"} <= set(wanted)
    ours = pins(ROOT / "constraints.txt")
    assert {name: ours[name] for name in wanted if name in ours} == {
        name: version for name, version in wanted.items() if name in ours
    }
    assert all(re.fullmatch(r"[\w.]+", version) for version in wanted.values())


def test_it_is_made_once_torch_first(tmp_path: Path, commands: list[list[str]]):
    said: list[str] = []
    python = ensure_environment(tmp_path / "peers", said.append)
    assert python == tmp_path / "peers" / "bin" / "python"
    assert "once" in said[0]
    venv, torch, rest = commands
    assert venv[:3] == [sys.executable, "-m", "venv"]
    assert "torch==2.13.0" in torch
    assert "--no-deps" not in torch
    assert "--no-deps" in rest
    assert str(REQUIREMENTS) in rest
    ensure_environment(tmp_path / "peers", said.append)
    assert len(commands) == 3


def test_it_is_made_anew_after_a_failure_and_when_the_list_changes(
    tmp_path: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
):
    def fails(words: list[str]) -> None:
        raise HyperdynError("no network")

    with monkeypatch.context() as patch:
        patch.setattr(environment, "_run", fails)
        with pytest.raises(HyperdynError, match="no network"):
            ensure_environment(tmp_path / "peers", print)
    ensure_environment(tmp_path / "peers", print)
    assert len(commands) == 3
    changed = tmp_path / "peers.txt"
    changed.write_text("torch==2.13.0\n")
    monkeypatch.setattr(environment, "REQUIREMENTS", changed)
    ensure_environment(tmp_path / "peers", print)
    assert len(commands) == 6


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path, commands: list[list[str]]):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(HyperdynError, match="--environment"):
        ensure_environment(tmp_path, print)
    assert not commands
    assert (tmp_path / "thesis.tex").exists()


def test_a_command_that_fails_says_what_it_said():
    with pytest.raises(HyperdynError, match=r"(?s)could not be made.*boom"):
        environment._run([sys.executable, "-c", "import sys; sys.exit('boom')"])


def test_nothing_but_the_package_is_importable_from_the_path(tmp_path: Path):
    with importable(tmp_path / "path") as path:
        assert [entry.name for entry in path.iterdir()] == ["hyperdyn"]
        assert (path / "hyperdyn" / "__init__.py").is_file()
    assert not (tmp_path / "path").exists()
