"""Processes side by side: each runs one torch thread, and none outlives the one that began them."""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection


@contextlib.contextmanager
def processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool that, when something goes wrong, begins nothing more and ends its processes at once.

    They end in the middle of their jobs, so those write what they keep in one step. Ctrl-C is for
    the process that began them, which ends them so.

    Args:
        workers: How many.
    """
    context = multiprocessing.get_context("spawn")
    theirs, lifeline = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(theirs,))
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        lifeline.close()  # first: a second Ctrl-C may come at any line
        pool.shutdown(cancel_futures=True)  # brief, for its processes are ending
        raise


def _begin(lifeline: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_when_cut, args=(lifeline,), daemon=True).start()
    import torch
    from tqdm import tqdm

    torch.set_num_threads(1)
    tqdm.set_lock(threading.RLock())  # else a semaphore, left behind by a process that is cut off


def _end_when_cut(lifeline: Connection) -> None:
    """End when the pool is given up, or a parent that was killed has left it waiting for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel, lifeline])
        os._exit(1)
