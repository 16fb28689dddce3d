"""The workloads by name, and what one planning iteration of each costs at least."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hyperdyn.errors import InputError, require_known
from hyperdyn.networks import MLPSpec

FLOAT_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Sizes of a model and of the candidates that an iteration rolls out through it."""

    name: str
    """How it is asked for."""
    state: int
    """S, width of the state."""
    action: int
    """A, width of an action."""
    hidden: tuple[int, ...]
    """Hidden widths of the model."""
    candidates: int
    """N, action sequences an iteration, for each system."""
    horizon: int
    """H, actions in a sequence."""
    task: str
    """What is maximised: "locomotion" (distance covered) or "pushing" (nearness to a goal)."""
    systems: int = 1
    """E, systems planned at once, each with its own weights."""

    @property
    def network(self) -> MLPSpec:
        """The generated model: (S + A) -> S, rectified."""
        return MLPSpec(sizes=(self.state + self.action, *self.hidden, self.state))

    @property
    def evaluations(self) -> int:
        """Steps of the model in an iteration: E·N·H."""
        return self.systems * self.candidates * self.horizon

    @property
    def operations(self) -> int:
        """Floating-point operations of an iteration: 2 for every weight and evaluation.

        Biases, activations, noise and the update are not counted: they are what a matrix product
        of the same size does not have to do.
        """
        weights = sum(inputs * outputs for inputs, outputs in self.network.layers)
        return 2 * weights * self.evaluations

    @property
    def bytes(self) -> int:
        """Bytes an iteration moves at least: actions written and read, weights and returns once."""
        actions = 2 * self.evaluations * self.action
        weights = self.systems * self.network.num_parameters
        return FLOAT_BYTES * (actions + weights + self.systems * self.candidates)

    def at_once(self, systems: int) -> "Workload":
        """The same for several systems at once."""
        return replace(self, name=f"E{systems}-{self.name}", systems=systems)


_L500 = Workload(
    name="L500",
    state=18,
    action=6,
    hidden=(128, 128),
    candidates=500,
    horizon=20,
    task="locomotion",
)
_P512 = Workload(
    name="P512",
    state=15,
    action=3,
    hidden=(32, 32, 32),
    candidates=512,
    horizon=10,
    task="pushing",
)
_P30 = replace(_P512, name="P30", candidates=30)

WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        _L500,
        replace(_L500, name="L4096", candidates=4096),
        _P30,
        _P512,
        _L500.at_once(16),
        _P512.at_once(16),
        _P30.at_once(16),
    )
}


def workloads(names: Sequence[str]) -> list[Workload]:
    """The workloads of those names; all of them if there are none.

    Raises:
        UnknownNameError: For a name that is no workload; names the nearest.
        InputError: For a name given twice.
    """
    for name in names:
        require_known("workload", name, WORKLOADS)
    if len(set(names)) < len(names):
        raise InputError(f"Each workload is measured once; got {' '.join(names)}.")
    return [WORKLOADS[name] for name in names or WORKLOADS]
