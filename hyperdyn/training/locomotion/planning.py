"""The planners that are compared, each with the same number of candidates a step."""

from typing import Any

from hyperdyn.errors import require_known
from hyperdyn.planners import CEM, ICEM, MPPI, Planner, RandomShooting

RANDOM = "random-shooting"
"""The paper's."""
PLANNERS = (RANDOM, "cem", "icem", "mppi")
ROUNDS = 5
ELITE_SHARE = 0.1


def planner_of(name: str, samples: int, horizon: int) -> Planner[Any]:
    """A planner that rolls out at most `samples` candidates a step, all rounds together.

    CEM, iCEM and MPPI share them between five rounds, and CEM and iCEM fit a tenth of each. iCEM's
    rounds shrink, so its first is larger; MPPI rolls its weighted mean out as well.

    Args:
        name: One of `PLANNERS`.
        samples: Candidates of all rounds.
        horizon: Steps planned ahead.

    Raises:
        UnknownNameError: For another name.
        InputError: If there are too few candidates for the planner.
    """
    require_known("planner", name, PLANNERS)
    each = samples // ROUNDS
    elites = max(2, round(ELITE_SHARE * each))
    if name == RANDOM:
        return RandomShooting(horizon=horizon, samples=samples)
    if name == "cem":
        return CEM(horizon=horizon, samples=each, iterations=ROUNDS, elites=elites)
    if name == "mppi":
        return MPPI(horizon=horizon, samples=(samples - 1) // ROUNDS, iterations=ROUNDS)
    first = samples
    while True:
        planner = ICEM(horizon=horizon, samples=first, iterations=ROUNDS, elites=elites)
        if candidates(planner) <= samples or first <= 2 * elites:
            return planner
        first -= 1


def candidates(planner: Planner[Any]) -> int:
    """Candidates a plan rolls out for each system, all rounds together."""
    last = 1 if isinstance(planner, MPPI) else 0  # the weighted mean
    return last + sum(planner.population(number) for number in range(planner.iterations))
