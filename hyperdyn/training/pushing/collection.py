"""Collecting with several processes: shard by shard, so that nothing is lost and nothing is twice.

A shard's episodes follow from the configuration and its number alone, and it is written in one
step. So a collection that was stopped at any moment goes on where it was: finished shards stay, all
others are made. Workers are replaced after a while, as PyBullet does not give back all memory.
"""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from hyperdyn.errors import CheckpointError, HyperdynError
from hyperdyn.storage import is_written
from hyperdyn.training.pushing.configs import CollectConfig
from hyperdyn.training.pushing.dataset import (
    DATASET_FILE,
    PushingDataset,
    description,
    read_description,
)
from hyperdyn.training.pushing.recording import make_env, motion_folder, record_shard, write_shard

EPISODES_PER_PROCESS = 1000


def collect(
    config: CollectConfig,
    out: Path,
    *,
    workers: int,
    on_episodes: Callable[[int], None] = lambda count: None,
) -> PushingDataset:
    """Collect what is not there yet.

    Args:
        config: What to collect.
        out: Folder of the collection: new, empty, or one that was begun with the same `config`.
        workers: Processes that simulate.
        on_episodes: Called with a number of episodes when they are finished; at once with the
            number of those found there.

    Raises:
        CheckpointError: If `out` holds something else, or cannot be written.
        HyperdynError: If a worker failed. Finished shards stay.
    """
    _open(config, out)
    missing = []
    for shard in range(config.num_shards):
        if is_written(motion_folder(out, shard)):
            on_episodes(len(config.rows(shard)))
        else:
            missing.append(shard)
    batch = max(1, EPISODES_PER_PROCESS // config.shard_episodes)
    batch = min(batch, max(1, len(missing) // workers))
    batches = [missing[first : first + batch] for first in range(0, len(missing), batch)]
    running: dict[Connection, _Worker] = {}
    try:
        while batches or running:
            while batches and len(running) < workers:
                worker = _start(config, out, batches.pop(0))
                running[worker.connection] = worker
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)
                worker = running[connection]
                try:
                    message = connection.recv()
                except EOFError:
                    del running[connection]
                    worker.finish()
                else:
                    worker.hear(message, on_episodes)
    finally:
        for worker in running.values():
            worker.stop()
    return PushingDataset(out)


@dataclass
class _Worker:
    process: Any
    connection: Connection
    shards: list[int]
    failure: str = ""

    def hear(self, message: int | str, on_episodes: Callable[[int], None]) -> None:
        """Take a count of episodes, or the text of an error."""
        if isinstance(message, int):
            on_episodes(message)
        else:
            self.failure = message

    def finish(self) -> None:
        """Wait for the end, and raise what went wrong."""
        self.connection.close()
        self.process.join()
        if self.failure:
            raise HyperdynError(self.failure)
        if self.process.exitcode != 0:
            how = self.process.exitcode
            raise HyperdynError(
                f"The process that collected shards {self.shards} "
                f"{f'was killed by signal {-how}' if how < 0 else f'ended with status {how}'} "
                "(too little memory?). Finished shards stay; the same command goes on."
            )

    def stop(self) -> None:
        """End it; a shard it is writing is written whole or not at all."""
        self.process.terminate()
        self.process.join()
        self.connection.close()


def _start(config: CollectConfig, out: Path, shards: list[int]) -> _Worker:
    # From a server that has the imports done but no threads; where there is none, from nothing.
    methods = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    context.set_forkserver_preload([__name__])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(config, out, shards, theirs), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process is the end of the connection
    return _Worker(process, ours, shards)


def _work(config: CollectConfig, out: Path, shards: list[int], connection: Connection) -> None:
    """What a worker does; without anyone to report to it ends, and leaves no shard half written."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started it
    try:
        env = make_env(config)
        for shard in shards:
            recorded = record_shard(config, shard, env, lambda ending: connection.send(1))
            write_shard(out, shard, recorded)
        env.close()
    except BrokenPipeError:
        os._exit(1)
    except (HyperdynError, OSError) as error:
        connection.send(f"Shards {shards}: {error}")


def _open(config: CollectConfig, out: Path) -> None:
    """Begin a collection, or find the one begun.

    Raises:
        CheckpointError: If the folder holds something else.
    """
    file = out / DATASET_FILE
    temporary = file.with_suffix(".writing")
    wanted = description(config)
    if file.exists():
        found, object_ids = read_description(out)
        if description(found) | {"object_ids": list(object_ids)} != wanted:
            raise CheckpointError(
                f"{out} holds another collection ({found}); name a new folder, or repeat the "
                "options it was begun with."
            )
        return
    if out.is_file() or (out.is_dir() and any(path != temporary for path in out.iterdir())):
        raise CheckpointError(f"{out} is not empty and holds no collection; name a new folder.")
    out.mkdir(parents=True, exist_ok=True)
    temporary.write_text(json.dumps(wanted, indent=2) + "\n")
    temporary.replace(file)
