"""The planner base: what all sampling-based planners have in common, once.

The problem, for E systems at once: find actions a₀ … a_{H-1} within their bounds that maximise
objective(s₀ … s_H, a₀ … a_{H-1}), where s₀ is given and the dynamics' rollout yields the rest.
"""

import math
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.errors import InputError
from hyperdyn.planners._candidates import Leaders, finite_rows, require_shape
from hyperdyn.planners._drawing import Drawing
from hyperdyn.planners._numbers import (
    Numbers,
    as_row,
    numbers,
    require_at_least,
    require_order,
    require_range,
)
from hyperdyn.planners._threads import intra_op_threads
from hyperdyn.planners.box import ActionBox
from hyperdyn.planners.mixture import Mixture
from hyperdyn.planners.objectives import ObjectiveFunction
from hyperdyn.planners.plan import Plan, PlanStatus
from hyperdyn.planners.proposals import Proposal
from hyperdyn.planners.sampling import shifted

DEADLINE_MARGIN = 1.2
"""A round starts only if 1.2 times the slowest round so far still ends before the deadline."""

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
    keep_previous: bool = False
    """Whether the previous plan and what it carried, moved on one step, compete in round one."""
    threads: int | None = 1
    """Intra-op threads torch plans with (the setting found is given back); None: leave it alone."""

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
                none.
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
            returns: Their returns; minus infinity marks a candidate to learn nothing from.
        """

    def population(self, rounds: int) -> int:
        """Candidates for each system in a round, after so many others; at least one."""
        return self.samples

    def answer(self, params: Params) -> Float[Tensor, "E H A"] | None:
        """One more candidate for each system, to be ranked after the last round; None: none."""
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
            previous: The plan made one step ago, or its actions, to start from. A system whose
                row is not finite starts afresh.
            deadline: Seconds the plan may take. A round that would overrun is not started; the
                first always runs.
            generator: The only source of randomness, on the device of `state`.

        Raises:
            InputError: If shapes, dtypes or devices do not fit together, naming what does not.
        """
        if deadline is not None:
            require_range("deadline", deadline, 0.0, open_below=True)
        box = self._box(dynamics, state, generator)
        with torch.no_grad(), intra_op_threads(self.threads):
            began = _now(state)
            warm, nominal = _warm_start(previous, box)
            known = state.isfinite().all(dim=1)
            start = torch.where(known[:, None], state, 0.0)
            zeros = box.clip(torch.zeros_like(nominal))
            leaders = Leaders.fallback(torch.where(warm[:, None, None], nominal, zeros))
            params = self.initial(box, nominal)
            drawing = Drawing(dynamics, start, box, generator)
            rounds, rolled_out, slowest, elapsed = 0, 0, 0.0, 0.0
            while rounds < self.iterations:
                if deadline is not None and elapsed + DEADLINE_MARGIN * slowest > deadline:
                    break
                n = self.population(rounds)
                if isinstance(proposal, Mixture) or proposal is None or rounds > 0:
                    drawn = self.sample(params, n, generator)
                else:
                    drawn = drawing.propose(proposal, n)
                if isinstance(proposal, Mixture) and rounds < (proposal.rounds or math.inf):
                    drawing.mix(proposal, drawn)
                if rounds == 0 and self.keep_previous:
                    again = _candidates_again(previous, nominal)[:, :n]
                    first = drawn[:, : again.shape[1]]
                    first.copy_(torch.where(warm[:, None, None, None], again, first))
                sound = known[:, None] & finite_rows(drawn)
                actions = box.clip(drawn)
                returns = _returns(dynamics, objective, start, actions, sound)
                leaders = leaders.or_better(actions, returns)
                params = self.update(params, actions, returns)
                rounds, rolled_out = rounds + 1, rolled_out + n
                so_far = _now(state) - began
                slowest, elapsed = max(slowest, so_far - elapsed), so_far
            answer = self.answer(params)
            if answer is not None:
                # It is worth something only where it was learnt from a candidate.
                sound = leaders.returns.isfinite()[:, None] & finite_rows(answer[:, None])
                actions = box.clip(answer[:, None].clone())
                returns = _returns(dynamics, objective, start, actions, sound)
                leaders = leaders.or_better(actions, returns)
                rolled_out, elapsed = rolled_out + 1, _now(state) - began
            carried = self.carried(params)
            late = deadline is not None and (rounds < self.iterations or elapsed > deadline)
            done = PlanStatus.DEADLINE if late else PlanStatus.OK
            return Plan(
                actions=box.clip(leaders.actions),
                status=tuple(
                    done if ranked else PlanStatus.NO_FINITE_CANDIDATE
                    for ranked in leaders.returns.isfinite().tolist()
                ),
                expected_return=leaders.returns,
                nonfinite_fraction=leaders.unranked / rolled_out,
                iterations=rounds,
                elapsed=elapsed,
                carried=None if carried is None else box.clip(carried.clone()),
                dropped=tuple(drawing.dropped),
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
        return ActionBox(
            systems=wanted[0],
            horizon=self.horizon,
            low=as_row("low", self.low, dynamics.action_dim, state),
            high=as_row("high", self.high, dynamics.action_dim, state),
        )


def _warm_start(
    previous: Plan | Tensor | None, box: ActionBox
) -> tuple[Bool[Tensor, "E"], Float[Tensor, "E H A"]]:
    """Tell which systems have a previous plan, and lay out what to start from."""
    middle = box.plans(box.middle)
    if previous is None:
        return torch.zeros(box.systems, dtype=torch.bool, device=middle.device), middle
    given = previous.actions if isinstance(previous, Plan) else previous
    wanted = tuple(middle.shape)
    mend = "hand in this planner's plan for the same systems, or None (a controller: reset())"
    given = require_shape("plan got as previous", given, wanted, "E, H, A", mend).to(middle)
    warm = given.isfinite().flatten(start_dim=1).all(dim=1)
    return warm, torch.where(warm[:, None, None], box.clip(shifted(given)), middle)


def _candidates_again(
    previous: Plan | Tensor | None, nominal: Float[Tensor, "E H A"]
) -> Float[Tensor, "E again H A"]:
    """The previous plan and the K that it carried, moved on one step."""
    again = nominal[:, None]
    if isinstance(previous, Plan) and previous.carried is not None:
        E, K, H, A = previous.carried.shape
        moved = shifted(previous.carried.to(nominal).reshape(E * K, H, A))
        again = torch.cat((again, moved.reshape(E, K, H, A)), dim=1)
    return again


def _returns(
    dynamics: Dynamics,
    objective: ObjectiveFunction,
    start: Float[Tensor, "E S"],
    actions: Float[Tensor, "E N H A"],
    sound: Bool[Tensor, "E N"],
) -> Float[Tensor, "E N"]:
    """Roll the candidates out and rank them; minus infinity is whatever cannot be ranked."""
    E, N, H, _ = actions.shape
    states = dynamics.rollout(start, actions)
    wanted = (E, N, H + 1, start.shape[1])
    mend = "the given state, then the state after each action"
    require_shape("The dynamics' rollout returned", states, wanted, "E, N, H+1, S", mend)
    returns = objective(states, actions)
    mend = "one return for each candidate; sum over the axes of time and state"
    require_shape("The objective returned", returns, (E, N), "E, N", mend)
    returns = returns.to(start)
    sound = sound & finite_rows(states) & returns.isfinite()
    return torch.where(sound, returns, -math.inf)


def _now(state: Tensor) -> float:
    """Seconds on a steady clock, once the device has done what it was asked."""
    if state.is_cuda:
        torch.cuda.synchronize(state.device)
    return time.perf_counter()
