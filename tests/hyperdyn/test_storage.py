import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch

from hyperdyn import storage
from hyperdyn.errors import CheckpointError
from hyperdyn.storage import from_config, read_folder, to_config, write_folder


@dataclass(frozen=True)
class Inner:
    size: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    rate: float
    inner: Inner
    parts: tuple[Inner, ...] = ()
    limit: int | None = None


OUTER = Outer(0.5, Inner(3, ("a", "b")), (Inner(1), Inner(2)), None)


@pytest.fixture
def folder(tmp_path):
    write_folder(tmp_path / "thing", "thing", {"a": 1}, {"x": torch.arange(3.0)})
    return tmp_path / "thing"


def test_what_is_written_is_read_back(folder):
    config, tensors = read_folder(folder, "thing")
    assert config == {"a": 1}
    assert torch.equal(tensors["x"], torch.arange(3.0))


def test_a_folder_is_replaced_as_a_whole(folder):
    write_folder(folder, "thing", {"a": 2}, {"y": torch.zeros(1)})
    config, tensors = read_folder(folder, "thing")
    assert config == {"a": 2}
    assert set(tensors) == {"y"}
    assert [p.name for p in folder.parent.iterdir()] == ["thing"]


def test_one_flipped_bit_is_noticed(folder):
    path = folder / "tensors.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged: its SHA-256"):
        read_folder(folder, "thing")


def test_a_truncated_file_is_noticed(folder):
    path = folder / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="damaged"):
        read_folder(folder, "thing")


def test_a_missing_tensor_file_is_noticed(folder):
    (folder / "tensors.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"has no tensors\.safetensors"):
        read_folder(folder, "thing")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": "other"}, "not written by hyperdyn"),
        ({"version": 99}, "layout version 99"),
        ({"kind": "else"}, "holds a 'else', not a 'thing'"),
        ({"surprise": 1}, r"unknown keys \['surprise'\]"),
    ],
)
def test_foreign_headers_are_refused(folder, change, text):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=text):
        read_folder(folder, "thing")


def test_a_header_that_is_not_json_is_refused(folder):
    (folder / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read as JSON"):
        read_folder(folder, "thing")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere has no config\.json"):
        read_folder(tmp_path / "nowhere", "thing")


def test_something_else_is_never_overwritten(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("years of work")
    with pytest.raises(CheckpointError, match="left alone"):
        write_folder(tmp_path / "precious", "thing", {}, {"x": torch.zeros(1)})
    assert (tmp_path / "precious" / "thesis.tex").read_text() == "years of work"


def test_a_full_disk_leaves_the_old_folder(folder, monkeypatch):
    def full(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage, "_flush", full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        write_folder(folder, "thing", {"a": 2}, {"x": torch.zeros(3)})
    assert read_folder(folder, "thing")[0] == {"a": 1}
    assert [p.name for p in folder.parent.iterdir()] == ["thing"]


def test_a_writer_killed_between_the_renames_loses_nothing(folder):
    folder.rename(folder.with_name(".thing.replaced"))
    assert read_folder(folder, "thing")[0] == {"a": 1}


def test_a_writer_killed_at_any_moment_leaves_a_whole_folder(tmp_path):
    program = (
        "import sys, torch\n"
        "from hyperdyn.storage import write_folder\n"
        "print('go', flush=True)\n"
        "i = 0\n"
        "while True:\n"
        "    i += 1\n"
        "    write_folder(sys.argv[1], 'thing', {'i': i}, {'x': torch.full((1000,), float(i))})\n"
    )
    for pause in (0.013, 0.047):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "thing")], stdout=subprocess.PIPE
        ) as process:
            process.stdout.readline()
            try:
                process.wait(0.2 + pause)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        config, tensors = read_folder(tmp_path / "thing", "thing")
        assert tensors["x"].eq(config["i"]).all()


def test_configurations_survive_json():
    assert from_config(Outer, json.loads(json.dumps(to_config(OUTER)))) == OUTER


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"colour": 1}, r"unknown keys \['colour'\]"),
        ({"rate": "fast"}, "'fast' where a value of type"),
        ({"inner": [1]}, "a mapping is wanted"),
        ({"inner": {"size": True, "names": []}}, "True where a value of type"),
        ({"limit": 2.5}, r"2\.5 where a value of type"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(change, text):
    with pytest.raises(CheckpointError, match=text):
        from_config(Outer, {**to_config(OUTER), **change})


def test_missing_keys_are_named():
    config = to_config(OUTER)
    del config["rate"]
    with pytest.raises(CheckpointError, match=r"lacks \['rate'\]"):
        from_config(Outer, config)
