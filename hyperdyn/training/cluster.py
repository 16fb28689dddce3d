"""Jobs on a Ray cluster.

Each job is a Ray task that is begun again, on any machine, when the process that ran it is lost.
Ray's backend for joblib does not serve: it runs a pool of actors, and when one of them is killed
the whole call ends with ActorDiedError (measured with Ray 2.60 and joblib 1.6: one of four jobs
killed its process; tasks ended with all four results, the backend with none).
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from hyperdyn.errors import HyperdynError, InputError

Result = TypeVar("Result")

RETRIES = 3
"""Times Ray begins a job again whose process was lost."""
LOCAL = "local"
"""The address that starts a cluster of this machine alone."""


def require_ray() -> None:
    """Refuse to go on without Ray.

    Raises:
        InputError: Saying how to get it.
    """
    try:
        import ray  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"A Ray address needs Ray, which cannot be imported ({error}); get it with pip install "
            "'hyperdyn-toolkit[cluster]'."
        ) from error


@contextlib.contextmanager
def open_cluster(address: str, *, gpu: bool = False) -> Iterator["Cluster"]:
    """Connect to a cluster, and leave it at the end; one this process is connected to stays so.

    Args:
        address: As `ray.init` takes it: "auto", "HOST:6379", "ray://HOST:10001", or "local" for one
            that is started here and ends with the run.
        gpu: Whether each job needs a GPU of its own.

    Raises:
        InputError: If Ray is not installed.
        HyperdynError: If there is no cluster at the address.
    """
    require_ray()
    import ray

    began = not ray.is_initialized()
    if began:
        options: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {}
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING, **options)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise HyperdynError(
                f"There is no Ray cluster at {address!r} ({error}). Start one with `ray start "
                f"--head` and give its address, or give {LOCAL!r} to use this machine alone."
            ) from error
    try:
        yield Cluster(gpu=gpu)
    finally:
        if began:
            ray.shutdown()


class Cluster:
    """The cluster this process is connected to.

    Args:
        gpu: Whether each job needs a GPU of its own.
    """

    def __init__(self, *, gpu: bool) -> None:
        self.gpu = gpu

    def run(
        self, function: Callable[..., Result], jobs: Mapping[int, tuple[Any, ...]]
    ) -> Iterator[tuple[int, Result]]:
        """See `jobs.Pool.run`."""
        import ray

        task = ray.remote(_call).options(max_retries=RETRIES, num_gpus=int(self.gpu))
        running = {task.remote(function, *arguments): number for number, arguments in jobs.items()}
        try:
            while running:
                (done,), _ = ray.wait(list(running), num_returns=1)
                result = ray.get(done)
                yield running.pop(done), result
        except ray.exceptions.WorkerCrashedError as error:
            raise HyperdynError(
                f"The processes of jobs {sorted(running.values())} were lost {RETRIES + 1} times. "
                "Look into Ray's logs for why; what was finished is kept, and a resumed run goes "
                "on from there."
            ) from error
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


def _call(function: Callable[..., Result], *arguments: Any) -> Result:
    return function(*arguments)
