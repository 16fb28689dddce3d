"""Pools of processes: what is left when the one that began them is killed, stopped or fails."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")

POOL = """
import os, pathlib, sys, time
from tqdm import tqdm
from hyperdyn.training.processes import processes

def work(file):
    progress = tqdm(disable=True)
    pathlib.Path(file + ".writing").write_text(str(os.getpid()))
    os.replace(file + ".writing", file)
    time.sleep(600)

if __name__ == "__main__":
    with processes(2) as pool:
        jobs = [pool.submit(work, file) for file in sys.argv[2:]]
        while not all(map(os.path.exists, sys.argv[2:4])):
            time.sleep(0.1)
        if sys.argv[1] == "fails":
            raise ValueError("the one that began them failed")
        jobs[0].result()
"""


@pytest.fixture
def pool(tmp_path):
    """Begin a process with two workers and six jobs of ten minutes; wait until two have begun."""
    script, files = tmp_path / "pool.py", [tmp_path / f"job{n}" for n in range(6)]
    script.write_text(POOL)
    begun = []

    def begin(how="waits"):
        command = [sys.executable, str(script), how, *map(str, files)]
        with open(tmp_path / "said", "w") as said:
            begun.append(subprocess.Popen(command, start_new_session=True, stderr=said))
        assert soon(lambda: all(file.exists() for file in files[:2]))
        return begun[-1], files

    yield begin
    for parent in begun:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()


def is_running(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"  # dead, and not yet buried
    except FileNotFoundError:
        return False


def soon(what, seconds=60):
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.1)
    return what()


def have_ended(files):
    return all(not is_running(int(file.read_text())) for file in files if file.exists())


def test_workers_end_with_the_process_that_began_them(pool):
    parent, files = pool()
    assert not have_ended(files)
    parent.kill()
    parent.wait()
    assert soon(lambda: have_ended(files), seconds=20)


def interrupt(parent):
    parent.send_signal(signal.SIGINT)


def interrupt_twice(parent):
    """As `timeout --signal INT` does: the process, then its group."""
    interrupt(parent)
    os.killpg(parent.pid, signal.SIGINT)


def interrupt_again_while_it_ends(parent):
    """As an impatient hand does at a terminal."""
    for _ in range(2):
        os.killpg(parent.pid, signal.SIGINT)
        time.sleep(0.05)


@pytest.mark.parametrize("interrupted", [interrupt, interrupt_twice, interrupt_again_while_it_ends])
def test_an_interruption_ends_the_process_and_its_workers_at_once(pool, tmp_path, interrupted):
    parent, files = pool()
    interrupted(parent)
    assert parent.wait(timeout=30) != 0
    said = (tmp_path / "said").read_text()
    assert "KeyboardInterrupt" in said
    assert "leaked" not in said
    assert have_ended(files)
    assert not any(file.exists() for file in files[2:])


def test_an_error_ends_the_process_and_its_workers_at_once(pool, tmp_path):
    parent, files = pool("fails")
    assert parent.wait(timeout=30) == 1
    said = (tmp_path / "said").read_text().strip().splitlines()[-1]
    assert said == "ValueError: the one that began them failed"
    assert have_ended(files)
    assert not any(file.exists() for file in files[2:])
