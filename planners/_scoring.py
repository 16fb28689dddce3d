"""Rolling candidates out and scoring them, by the shortest way the dynamics and objective allow."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics, InlineScorer, Scorer, StreamingDynamics
from hyperdyn.planners._candidates import finite_rows, require_shape
from hyperdyn.planners._scores import Scores
from hyperdyn.planners.ensemble import Ensemble
from hyperdyn.planners.objectives import Constrained, Objective, ObjectiveFunction


class Scoring:
    """How the candidates of one plan are scored.

    An objective that has a table is summed up inside the dynamics' own kernel where it has one;
    else trajectories are rolled out and handed to the objective. Members of an ensemble are scored
    one by one and put together.
    """

    def __init__(
        self, dynamics: Dynamics, objective: ObjectiveFunction, start: Float[Tensor, "E S"]
    ) -> None:
        self._objective, self._start = objective, start
        self._ensemble = dynamics if isinstance(dynamics, Ensemble) else None
        self._members = (dynamics,) if self._ensemble is None else self._ensemble.members
        known = objective if isinstance(objective, Objective) else None
        self._table = None if known is None else known.table(start.shape[1])
        self._scorers = [self._scorer(member) for member in self._members]

    def score(self, actions: Float[Tensor, "E N H A"], sound: Bool[Tensor, "E N"] | None) -> Scores:
        """Score candidates; those not `sound` (None: all are) cannot be ranked."""
        members = [self._member(index, actions) for index in range(len(self._members))]
        scores = members[0]
        if self._ensemble is not None:
            scores = _together(self._ensemble, members)
        if sound is None:
            return scores
        returns = torch.where(sound, scores.returns, -math.inf)
        if scores.violations is None:
            return Scores(returns)
        return Scores(returns, torch.where(sound, scores.violations, math.inf))

    def inline(self, samples: int, horizon: int) -> tuple[int, tuple[int, ...]] | None:
        """Machine code that returns candidates' returns, and its arguments; None: there is none."""
        scorer: object = self._scorers[0] if self._ensemble is None else None
        if not isinstance(scorer, InlineScorer):
            return None
        kernel = scorer.inline(samples, horizon)
        return None if kernel is None else (kernel, scorer.arguments)

    def _scorer(self, member: Dynamics) -> Scorer | None:
        if self._table is None or not isinstance(member, StreamingDynamics):
            return None
        return member.scorer(self._start, self._table)

    def _member(self, index: int, actions: Float[Tensor, "E N H A"]) -> Scores:
        score = self._scorers[index]
        if score is not None:
            sums = score(actions)
            if sums is not None:
                return Scores(*sums)  # with violations where the objective has constraints
            self._scorers[index] = None  # it would not the next time either
        E, N, H, _ = actions.shape
        states = self._members[index].rollout(self._start, actions)
        wanted = (E, N, H + 1, self._start.shape[1])
        mend = "the given state, then the state after each action"
        require_shape("The dynamics' rollout returned", states, wanted, "E, N, H+1, S", mend)
        returns = self._objective(states, actions)
        mend = "one return for each candidate; sum over the axes of time and state"
        require_shape("The objective returned", returns, (E, N), "E, N", mend)
        returns = returns.to(self._start)
        sound = finite_rows(states) & returns.isfinite()
        if not isinstance(self._objective, Constrained):
            return Scores(torch.where(sound, returns, -math.inf))
        violations = self._objective.violation(states, actions).to(self._start)
        sound &= violations.isfinite()
        return Scores(
            torch.where(sound, returns, -math.inf), torch.where(sound, violations, math.inf)
        )


def _together(ensemble: Ensemble, members: list[Scores]) -> Scores:
    returns = ensemble.aggregate(torch.stack([scores.returns for scores in members]))
    excess = [scores.violations for scores in members if scores.violations is not None]
    if not excess:
        return Scores(returns)
    violations = ensemble.violations(torch.stack(excess))
    return Scores(returns, violations.where(returns.isfinite(), math.inf))
