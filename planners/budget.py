"""Planners to compare, each with the same number of candidates a plan."""

from typing import Any

from hyperdyn.errors import require_known
from hyperdyn.planners._numbers import Numbers
from hyperdyn.planners.cem import CEM
from hyperdyn.planners.icem import ICEM
from hyperdyn.planners.mppi import MPPI
from hyperdyn.planners.planner import Planner
from hyperdyn.planners.random_shooting import RandomShooting

RANDOM = "random-shooting"
"""The paper's."""
PLANNERS = (RANDOM, "cem", "icem", "mppi")
COLD = ("cem-cold", "icem-cold", "mppi-cold")
"""The same, but no plan begins about the one before (`Planner.warm_start`)."""
ALL_PLANNERS = (*PLANNERS, *COLD)
ROUNDS = 5
COLD_ROUNDS = 3
"""Of a cold planner. More bend a plan further towards what a learnt model has wrong: with five CEM
returns two thirds of what it does with three (HyperDynamics, training systems of two tasks)."""
ELITE_SHARE = 0.1


def planner_of(
    name: str,
    samples: int,
    horizon: int,
    *,
    rounds: int | None = None,
    low: Numbers = -1.0,
    high: Numbers = 1.0,
) -> Planner[Any]:
    """A planner that rolls out at most `samples` candidates a plan, all rounds together.

    CEM, iCEM and MPPI share them between rounds, and CEM and iCEM fit a tenth of each. iCEM's
    rounds shrink, so its first is larger; MPPI rolls its weighted mean out as well.

    Args:
        name: One of `ALL_PLANNERS`.
        samples: Candidates of all rounds, for each system.
        horizon: Steps planned ahead.
        rounds: Of CEM, iCEM and MPPI; `ROUNDS` or `COLD_ROUNDS` unless given; few candidates want
            few.
        low: Lower action bounds.
        high: Upper action bounds.

    Raises:
        UnknownNameError: For another name.
        InputError: If there are too few candidates for the planner.
    """
    require_known("planner", name, ALL_PLANNERS)
    warm = name not in COLD
    name = name.removesuffix("-cold")
    room: dict[str, Any] = {"horizon": horizon, "low": low, "high": high, "warm_start": warm}
    if rounds is None:
        rounds = ROUNDS if warm else COLD_ROUNDS
    each = samples // rounds
    elites = max(2, round(ELITE_SHARE * each))
    if name == RANDOM:
        return RandomShooting(samples=samples, **room)
    if name == "cem":
        return CEM(samples=each, iterations=rounds, elites=elites, **room)
    if name == "mppi":
        return MPPI(samples=(samples - 1) // rounds, iterations=rounds, **room)
    first = samples
    while True:
        planner = ICEM(samples=first, iterations=rounds, elites=elites, **room)
        if candidates(planner) <= samples or first <= 2 * elites:
            return planner
        first -= 1


def candidates(planner: Planner[Any]) -> int:
    """Candidates a plan rolls out for each system, all rounds together."""
    last = 1 if isinstance(planner, MPPI) else 0  # the weighted mean
    return last + sum(planner.population(number) for number in range(planner.iterations))
