"""Groups of episodes collected by other processes, some of which get lost."""

import functools
import os
import signal
from pathlib import Path

import pytest

from hyperdyn.errors import HyperdynError, InputError
from hyperdyn.training import groups
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.groups import collect_elsewhere, rows_of
from hyperdyn.training.jobs import ATTEMPTS, Where, Workers
from hyperdyn.training.metrics import read_metrics
from hyperdyn.training.on_policy import train
from tests.training.runs import tiny
from tests.training.test_on_policy import same_result

GROUPS, ROUNDS = 2, 2
TIMES = {"collect_seconds", "fit_seconds"}


def run(**changes):
    return tiny(iterations=ROUNDS, groups=GROUPS, **changes)


def lost_once(marker, config, weights, device, iteration, group):
    """Collects, but the process of the last round's second group is killed the first time."""
    if iteration == ROUNDS - 1 and group == 1 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return collect_elsewhere(config, weights, device, iteration, group)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The run of one process, in which nothing happened."""
    out = tmp_path_factory.mktemp("finished") / "run"
    train(run(), out)
    return out


@pytest.fixture
def marker(tmp_path, monkeypatch):
    """Makes one process get lost, and then stands there."""
    path = tmp_path / "lost"
    monkeypatch.setattr(groups, "collect_elsewhere", functools.partial(lost_once, path))
    return path


def same_data(run_folder: Path, finished: Path) -> None:
    for index in range(ROUNDS):
        names = ("config.json", "tensors.safetensors")
        for name in names:
            file = Path("data") / f"{index:04d}" / name
            assert (run_folder / file).read_bytes() == (finished / file).read_bytes()
    assert sorted(path.name for path in (run_folder / "data").iterdir()) == ["0000", "0001"]
    assert not (run_folder / groups.FOLDER).exists()


def test_rows_are_divided_evenly_and_in_order():
    config = tiny(rollouts=8, groups=3)
    rows = [list(rows_of(config, group)) for group in range(3)]
    assert rows == [[0, 1], [2, 3, 4], [5, 6, 7]]
    with pytest.raises(InputError, match="3 episodes a round cannot be 4 groups; give 1 to 3"):
        tiny(rollouts=3, groups=4)


def test_groups_have_random_numbers_of_their_own(finished):
    first = Episodes.load(finished / "data" / "0000")
    assert len(first) == 3
    assert not first.actions[0].equal(first.actions[1])


@pytest.mark.slow
def test_worker_processes_collect_the_same_data_though_one_is_lost(finished, tmp_path, marker):
    with pytest.warns(RuntimeWarning, match="A worker process was lost; jobs .*1.* begun again"):
        train(run(), tmp_path / "run", where=Where(workers=2))
    assert marker.exists()
    same_data(tmp_path / "run", finished)
    same_result(tmp_path / "run", finished)


def test_a_group_that_was_finished_is_not_collected_again(finished, tmp_path, monkeypatch):
    collect, collected = groups.collect_group, []

    def interrupted(config, model, iteration, group, on_step):
        if collected == [0, 1, 0]:
            collected.append("stopped")
            raise KeyboardInterrupt
        collected.append(group)
        return collect(config, model, iteration, group, on_step)

    monkeypatch.setattr(groups, "collect_group", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(run(), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run" / groups.FOLDER).iterdir()] == ["0001-000"]
    train(run(), tmp_path / "run", resume=True)
    assert collected == [0, 1, 0, "stopped", 1]
    same_data(tmp_path / "run", finished)
    same_result(tmp_path / "run", finished)


def test_workers_that_keep_getting_lost_end_the_run():
    workers = Workers(2)
    with (
        pytest.warns(RuntimeWarning, match=r"jobs \[3\] are begun again") as warned,
        pytest.raises(HyperdynError, match=r"4 attempts, the last at jobs \[3\]"),
    ):
        list(workers.run(signal.raise_signal, {3: (signal.SIGKILL,)}))
    assert len(warned) == ATTEMPTS - 1
    workers.close()


def test_workers_hand_back_results_and_errors():
    workers = Workers(2)
    assert dict(workers.run(divmod, {4: (7, 2), 2: (9, 4)})) == {4: (3, 1), 2: (2, 1)}
    with pytest.raises(ZeroDivisionError):
        list(workers.run(divmod, {0: (1, 0)}))
    workers.close()


def test_a_run_of_too_few_groups_cannot_be_shared_out(tmp_path):
    with pytest.raises(InputError, match=r"at least 3 groups .* it has 2\. .*--groups, up to 3"):
        train(run(), tmp_path / "run", where=Where(workers=3))
    with pytest.raises(InputError, match=r"at least 2 groups .* it has 1"):
        train(tiny(), tmp_path / "run", where=Where(ray="auto"))
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match="one or the other"):
        Where(workers=2, ray="auto")
    with pytest.raises(InputError, match="Got 0 workers"):
        Where(workers=0)


@pytest.mark.slow
def test_a_ray_cluster_collects_the_same_data_though_a_worker_is_lost(finished, tmp_path, marker):
    ray = pytest.importorskip("ray")
    ray.init(
        num_cpus=2, include_dashboard=False, object_store_memory=80 * 2**20, log_to_driver=False
    )
    try:
        train(run(), tmp_path / "run", where=Where(ray="auto"))
        assert ray.is_initialized()  # it was there before the run
    finally:
        ray.shutdown()
    assert marker.exists()
    same_data(tmp_path / "run", finished)
    same_result(tmp_path / "run", finished)
    assert read_metrics(tmp_path / "run")[-1]["updates"] >= 12


def test_an_address_without_a_cluster_says_how_to_start_one(tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(HyperdynError, match="There is no Ray cluster at 'auto'"):
        train(run(), tmp_path / "run", where=Where(ray="auto"))
