"""Jobs that run elsewhere: in worker processes of this machine, or on a Ray cluster.

Arguments and results are values that travel from process to process; no file is unpickled.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from hyperdyn.errors import HyperdynError, InputError

Result = TypeVar("Result")

ATTEMPTS = 4
"""Times a job is begun, if the processes that run it keep getting lost."""


@dataclass(frozen=True, kw_only=True)
class Where:
    """What a run is computed with. On one kind of processor and device, no number depends on it."""

    device: str = "cpu"
    """Where models, batches and plans stand: cpu or cuda. Environments run on the processor."""
    workers: int = 1
    """Processes of this machine that collect groups of episodes."""
    ray: str | None = None
    """Address of the Ray cluster that collects them instead, as `ray.init` takes it."""

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be, and two places at once."""
        if self.workers < 1:
            raise InputError(f"Got {self.workers} workers; at least 1 is needed.")
        if self.ray is not None and self.workers > 1:
            raise InputError(
                f"Got {self.workers} workers and the Ray address {self.ray!r}; Ray has workers of "
                "its own, so give one or the other."
            )

    @property
    def shares_out(self) -> bool:
        """Whether groups are collected by other processes."""
        return self.workers > 1 or self.ray is not None


@runtime_checkable
class Pool(Protocol):
    """Processes that run jobs."""

    def run(
        self, function: Callable[..., Result], jobs: Mapping[int, tuple[Any, ...]]
    ) -> Iterator[tuple[int, Result]]:
        """Run a function once a job.

        Args:
            function: What can be imported wherever it runs.
            jobs: Its arguments, by the job's number.

        Yields:
            Number and result of each job, in the order in which they end.

        Raises:
            HyperdynError: If processes were lost in every attempt at a job.
        """


@contextlib.contextmanager
def open_pool(where: Where) -> Iterator[Pool | None]:
    """The processes a run shares its groups out to; None: none, it collects them itself.

    Raises:
        InputError: If Ray is asked for and not installed.
        HyperdynError: If there is no Ray cluster at the address.
    """
    if where.ray is not None:
        from hyperdyn.training.cluster import open_cluster

        with open_cluster(where.ray, gpu=where.device == "cuda") as cluster:
            yield cluster
    elif where.workers > 1:
        workers = Workers(where.workers)
        try:
            yield workers
        finally:
            workers.close()
    else:
        yield None


class Workers:
    """Processes of this machine (joblib with loky).

    One that is killed takes the whole pool with it: joblib then raises TerminatedWorkerError. The
    jobs that had not ended are begun again in a new pool.

    Args:
        workers: How many.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(
        self, function: Callable[..., Result], jobs: Mapping[int, tuple[Any, ...]]
    ) -> Iterator[tuple[int, Result]]:
        """See `Pool.run`."""
        import joblib
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        missing = dict(jobs)
        for attempt in range(1, ATTEMPTS + 1):
            parallel = joblib.Parallel(
                n_jobs=self.workers,
                backend="loky",
                return_as="generator_unordered",
                batch_size=1,
                pre_dispatch="all",
                max_nbytes=None,  # nothing goes by way of a file
            )
            calls = [
                joblib.delayed(_numbered)(number, function, arguments)
                for number, arguments in missing.items()
            ]
            try:
                for number, result in parallel(calls):
                    del missing[number]
                    yield number, result
                return
            except TerminatedWorkerError as error:
                if attempt == ATTEMPTS:
                    raise HyperdynError(
                        f"Worker processes were lost in {ATTEMPTS} attempts, the last at jobs "
                        f"{sorted(missing)}. If memory ran out, take fewer workers; what was "
                        "finished is kept, and a resumed run goes on from there."
                    ) from error
                warnings.warn(
                    f"A worker process was lost; jobs {sorted(missing)} are begun again.",
                    RuntimeWarning,
                    stacklevel=2,
                )

    def close(self) -> None:
        """End the processes."""
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)


def _numbered(
    number: int, function: Callable[..., Result], arguments: tuple[Any, ...]
) -> tuple[int, Result]:
    return number, function(*arguments)
