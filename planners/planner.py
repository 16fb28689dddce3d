"""The planner base: what all sampling-based planners have in common, once.

The problem, for E systems at once: find actions a₀ … a_{H-1} within their bounds that maximise
objective(s₀ … s_H, a₀ … a_{H-1}), where s₀ is given and the dynamics' rollout yields the rest.
"""

import functools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.errors import InputError
from hyperdyn.planners._candidates import Leaders, admit, require_shape
from hyperdyn.planners._clock import Clock
from hyperdyn.planners._drawing import Drawing
from hyperdyn.planners._inner import InnerRounds
from hyperdyn.planners._numbers import (
    Numbers,
    as_row,
    numbers,
    require_at_least,
    require_order,
    require_range,
)
from hyperdyn.planners._scoring import Scoring
from hyperdyn.planners._warm_start import WarmStart
from hyperdyn.planners.box import ActionBox
from hyperdyn.planners.ensemble import Ensemble
from hyperdyn.planners.mixture import Mixture
from hyperdyn.planners.objectives import ObjectiveFunction
from hyperdyn.planners.plan import Plan, PlanStatus
from hyperdyn.planners.proposals import Proposal
from hyperdyn.planners.refinement import GradientRefinement
from hyperdyn.threads import intra_op_threads

Params = TypeVar("Params")
"""An algorithm's immutable record: the distribution it draws its candidates from."""


@dataclass(frozen=True, kw_only=True)
class Planner(ABC, Generic[Params]):
    """A sampling-based planner: rounds of candidates, each rolled out, ranked and learnt from.

    An algorithm is `initial`, `sample` and `update` over an immutable record (and, if it needs
    them, `population`, `answer` and `carried`). Warm start, bounds, deadline, rollout and all that
    is not finite are dealt with here: a candidate with an action, a state or a return that is not
    finite ranks as minus infinity and never becomes a plan.
    """

    horizon: int = 20
    """H, actions in a plan."""
    samples: int = 500
    """N, candidates of the first round for each system."""
    low: Numbers = -1.0
    """Lower action bound, for all dimensions or for each."""
    high: Numbers = 1.0
    """Upper action bound, for all dimensions or for each."""
    warm_start: bool = True
    """Whether a plan begins about the one before, moved on one step; after a cold start that is but
    what is fallen back on. Over a learnt model a warm start bends each plan further towards what
    the model has wrong, and a cold one may return more (docs/locomotion.md)."""
    keep_previous: bool = False
    """Whether the previous plan and what it carried, moved on one step, compete in round one;
    after a cold start they never do."""
    refinement: GradientRefinement | None = None
    """Gradient steps from the best candidates of the last round; None: none."""
    threads: int | None = 1
    """Intra-op threads torch plans with (the setting found is given back); None: leave it alone."""

    draws_within_bounds: ClassVar[bool] = False
    """Whether all that `sample` draws is finite and within the bounds, and need not be checked."""
    learns_from_infeasible: ClassVar[bool] = True
    """Whether `update` sees infeasible candidates, ranked below the feasible ones, beside them."""

    def __post_init__(self) -> None:
        """Read the bounds and refuse what no planner can work with."""
        require_at_least("horizon", self.horizon, 1)
        require_at_least("samples", self.samples, 1)
        object.__setattr__(self, "low", numbers("low", self.low))
        object.__setattr__(self, "high", numbers("high", self.high))
        require_order(self.low, self.high)
        if self.threads is not None:
            require_at_least("threads", self.threads, 1)

    @property
    @abstractmethod
    def iterations(self) -> int:
        """Rounds of candidates a plan takes, if no deadline cuts it short."""

    @abstractmethod
    def initial(self, box: ActionBox, nominal: Float[Tensor, "E H A"]) -> Params:
        """Return the record to start from.

        Args:
            box: Bounds and sizes.
            nominal: The previous plan moved on one step; the middle of the bounds where there is
                none, and in a cold start.
        """

    @abstractmethod
    def sample(
        self, params: Params, n: int, generator: torch.Generator
    ) -> Float[Tensor, "E n H A"]:
        """Draw n candidates for each system into a new tensor; the base clips them."""

    @abstractmethod
    def update(
        self, params: Params, actions: Float[Tensor, "E N H A"], returns: Float[Tensor, "E N"]
    ) -> Params:
        """Return the record to draw the next round from.

        Args:
            params: The record this round was drawn from.
            actions: The candidates as they were rolled out: finite and within the bounds.
            returns: Their returns, those of infeasible candidates below all others; minus
                infinity marks a candidate to learn nothing from.
        """

    def population(self, rounds: int) -> int:
        """Candidates for each system in a round, after so many others; at least one."""
        return self.samples

    def answer(self, params: Params) -> Float[Tensor, "E H A"] | None:
        """One more candidate for each system, to be ranked after the last round; None: none."""
        return None

    def hurry(self, params: Params, inner: "InnerRounds") -> Params | None:
        """Do the rounds that are left in one compiled call, with the same result; None: cannot.

        Args:
            params: The record to draw the first of them from.
            inner: The compiled rollout, the best plans so far, and the keys of the draws.
        """
        return None

    def carried(self, params: Params) -> Float[Tensor, "E K H A"] | None:
        """Plans that are to compete when the next plan is made (`keep_previous`); None: none."""
        return None

    def plan(
        self,
        dynamics: Dynamics,
        state: Float[Tensor, "E S"],
        objective: ObjectiveFunction,
        *,
        proposal: Proposal | Mixture | None = None,
        previous: Plan | Float[Tensor, "E H A"] | None = None,
        deadline: float | None = None,
        generator: torch.Generator,
    ) -> Plan:
        """Plan for every system, from its state, with its dynamics.

        Args:
            dynamics: Models of E systems.
            state: Where each system stands; dtype and device of everything follow it. A system
                whose state is not finite gets the fallback; the others plan on.
            objective: Whole trajectories to returns, maximised: (states [E, N, H+1, S],
                actions [E, N, H, A]) -> [E, N].
            proposal: Where the first round's candidates come from; a `Mixture` shares rounds with
                the planner's own draw; None: the planner's own.
            previous: The plan made one step ago, or its actions, to start from (see `warm_start`)
                and to fall back on. A system whose row is not finite starts afresh.
            deadline: Seconds the plan may take. A round that would overrun, going by the slowest of
                this plan and of those before, is not started; the first always runs.
            generator: The only source of randomness, on the device of `state`.

        Raises:
            InputError: If shapes, dtypes or devices do not fit together, naming what does not.
        """
        if deadline is not None:
            require_range("deadline", deadline, 0.0, open_below=True)
        # What is laid out once must serve callers outside of an inference mode too.
        with torch.inference_mode(False), torch.no_grad(), intra_op_threads(self.threads):
            box = self._box(dynamics, state, generator)
            before = previous.slowest_round if isinstance(previous, Plan) else 0.0
            clock = Clock(state, deadline, before)
            warm = WarmStart.of(previous, box)
            known, start = _known(state)
            leaders = Leaders(box)
            drawing = Drawing(dynamics, start, box, generator, warm.standings)
            scoring = Scoring(dynamics, objective, start)
            params = self.initial(box, warm.nominal if self.warm_start else box.middles)
            returning = self.keep_previous and self.warm_start
            rounds, rolled_out = 0, 0
            # What the rounds that are left must not need: Python between them.
            hurried = deadline is None and known is None and self.refinement is None
            hurried &= not isinstance(proposal, Mixture) or proposal.rounds == 1

            def compete(
                candidates: Tensor, known: Tensor | None, *, checked: bool = False
            ) -> Tensor:
                sound = None if checked else admit(candidates, box)
                if known is not None:
                    each = known[:, None].expand(candidates.shape[:2])
                    sound = each if sound is None else sound & each
                scores = scoring.score(candidates, sound)
                leaders.compete(candidates, scores)
                return scores.ranks(infeasible=self.learns_from_infeasible)

            while rounds == 0 or (rounds < self.iterations and clock.allows_another()):
                n, checked = self.population(rounds), False
                if isinstance(proposal, Mixture) or proposal is None or rounds > 0:
                    drawn = self.sample(params, n, generator)
                    checked = self.draws_within_bounds
                else:
                    drawn = drawing.propose(proposal, n)
                if isinstance(proposal, Mixture) and rounds < (proposal.rounds or math.inf):
                    drawing.mix(proposal, drawn)
                    checked = False
                again = warm.compete(drawn) if rounds == 0 and returning else 0
                ranks = compete(drawn, known, checked=checked)
                if rounds == 0 and isinstance(proposal, Mixture):
                    drawing.judge(proposal, ranks, again)
                params = self.update(params, drawn, ranks)
                rounds, rolled_out = rounds + 1, rolled_out + n
                clock.lap()
                if hurried and rounds < self.iterations:
                    left = self.iterations - rounds
                    inner = InnerRounds.of(scoring, leaders, drawn, left, generator)
                    ended = None if inner is None else self.hurry(params, inner)
                    hurried = ended is not None
                    if ended is not None:
                        params = ended
                        rolled_out += sum(map(self.population, range(rounds, self.iterations)))
                        rounds = self.iterations
                        clock.lap()
            ranked = None
            if -math.inf in leaders.returns.tolist():
                ranked = leaders.returns.isfinite()
                leaders.stand_in(warm.fallback)
            answer = self.answer(params)
            if answer is not None:
                # It is worth something only where it was learnt from a candidate.
                compete(answer[:, None].clone(), ranked)
                rolled_out += 1
            if self.refinement is not None:
                best = _best(drawn, ranks, self.refinement.candidates, leaders.actions)
                refined = self.refinement.refine(
                    dynamics, objective, start, best, box, clock.goes_on
                )
                if refined.shape[1]:
                    compete(refined, ranked)
                    rolled_out += refined.shape[1]
            clock.lap()
            carried = self.carried(params)
            late = rounds < self.iterations or clock.overran
            return Plan(
                actions=box.clip(leaders.actions),  # a model may have written to it
                status=_status(leaders, PlanStatus.DEADLINE if late else PlanStatus.OK),
                expected_return=leaders.returns,
                nonfinite_fraction=leaders.unranked / rolled_out,
                violation=leaders.violations,
                iterations=rounds,
                elapsed=clock.elapsed,
                slowest_round=clock.slowest,
                carried=None if carried is None else box.clip(carried.clone()),
                disagreement=_disagreement(dynamics, start, leaders.actions),
                dropped=tuple(drawing.dropped),
                standings=drawing.standings,
            )

    def _box(self, dynamics: Dynamics, state: Tensor, generator: torch.Generator) -> ActionBox:
        wanted = (dynamics.num_systems, dynamics.state_dim)
        mend = "one row for each system of the dynamics (state[None] makes a row of a vector)"
        require_shape("plan got as state", state, wanted, "E, S", mend)
        if not state.is_floating_point():
            raise InputError(f"plan got a state of {state.dtype}; convert it with state.float().")
        if generator.device.type != state.device.type:
            raise InputError(
                f"plan got a generator on {generator.device} and a state on {state.device}; "
                f"make the generator with torch.Generator({str(state.device)!r})."
            )
        sizes = (wanted[0], dynamics.action_dim, state.dtype, state.device)
        if sizes not in self._boxes:
            self._boxes[sizes] = ActionBox(
                systems=wanted[0],
                horizon=self.horizon,
                low=as_row("low", self.low, dynamics.action_dim, state),
                high=as_row("high", self.high, dynamics.action_dim, state),
            )
        return self._boxes[sizes]

    @functools.cached_property
    def _boxes(self) -> dict[tuple[object, ...], ActionBox]:
        """Bounds laid out before, by sizes, type and device: in a small plan they cost the most."""
        return {}


def _known(state: Float[Tensor, "E S"]) -> tuple[Bool[Tensor, "E"] | None, Tensor]:
    """Tell which states are finite (None: all), and put zeros where one is not."""
    if math.isfinite(float(state.sum())):  # a finite sum has finite terms
        return None, state
    known = state.isfinite().all(dim=1)
    return known, torch.where(known[:, None], state, 0.0)


def _best(
    drawn: Float[Tensor, "E N H A"],
    ranks: Float[Tensor, "E N"],
    count: int,
    leader: Float[Tensor, "E H A"],
) -> Float[Tensor, "E count H A"]:
    """The best plan so far, then the best candidates of the last round."""
    index = ranks.topk(min(count - 1, ranks.shape[1]), dim=1).indices
    systems = torch.arange(len(drawn), device=drawn.device)[:, None]
    return torch.cat([leader[:, None], drawn[systems, index]], dim=1)


def _status(leaders: Leaders, done: PlanStatus) -> tuple[PlanStatus, ...]:
    return tuple(
        PlanStatus.NO_FINITE_CANDIDATE
        if value == -math.inf
        else (PlanStatus.INFEASIBLE if excess > 0 else done)
        for value, excess in zip(leaders.returns.tolist(), leaders.violations.tolist(), strict=True)
    )


def _disagreement(
    dynamics: Dynamics, start: Float[Tensor, "E S"], actions: Float[Tensor, "E H A"]
) -> Float[Tensor, "E T S"] | None:
    """Deviation of an ensemble's members along the plans; None for a single model."""
    if not isinstance(dynamics, Ensemble):
        return None
    rolled = [member.rollout(start, actions[:, None])[:, 0] for member in dynamics.members]
    return dynamics.disagreement(torch.stack(rolled))
