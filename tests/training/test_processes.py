"""Pools of processes: what is left of them when the one that began them is killed."""

import os
import subprocess
import sys
import time

import pytest

POOL = """
import os, pathlib, sys, time
from hyperdyn.training.processes import processes

def work(file):
    pathlib.Path(file + ".writing").write_text(str(os.getpid()))
    os.replace(file + ".writing", file)
    time.sleep(600)

if __name__ == "__main__":
    with processes(1) as pool:
        pool.submit(work, sys.argv[1]).result()
"""


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


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_a_worker_ends_with_the_process_that_began_it(tmp_path):
    script, file = tmp_path / "pool.py", tmp_path / "worker"
    script.write_text(POOL)
    parent = subprocess.Popen([sys.executable, str(script), str(file)])
    try:
        assert soon(file.exists)
        worker = int(file.read_text())
        assert is_running(worker)
    finally:
        parent.kill()
        parent.wait()
    assert soon(lambda: not is_running(worker), seconds=20)
