"""Receding-horizon control: plan, take the first action, plan again from where it led."""

import dataclasses
import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.errors import InputError
from hyperdyn.planners.mixture import Mixture
from hyperdyn.planners.objectives import ObjectiveFunction
from hyperdyn.planners.plan import Plan, PlanStatus
from hyperdyn.planners.planner import Planner
from hyperdyn.planners.proposals import Proposal
from hyperdyn.planners.timing import Timing


class MPC:
    """Model predictive control of E systems at once, each plan started from the one before.

    Args:
        planner: What plans.
        objective: What it maximises.
        proposal: Where candidates come from, as in `Planner.plan`; None: the planner's own draw.
        deadline: Seconds a plan may take; None: as long as it needs.
        generator: The only source of randomness.
    """

    def __init__(
        self,
        planner: Planner[Any],
        objective: ObjectiveFunction,
        proposal: Proposal | Mixture | None = None,
        *,
        deadline: float | None = None,
        generator: torch.Generator,
    ) -> None:
        self._planner = planner
        self._objective = objective
        self._proposal = proposal
        self._deadline = deadline
        self._generator = generator
        self._last_plan: Plan | None = None
        self._afresh: Tensor | None = None
        self._counts: Counter[PlanStatus] = Counter()
        self._elapsed: array[float] = array("d")
        self._cut = 0

    @property
    def last_plan(self) -> Plan | None:
        """The plan behind the latest action; None before the first and after a full reset."""
        return self._last_plan

    @property
    def status_counts(self) -> Mapping[PlanStatus, int]:
        """How often each status occurred, over all systems and steps since the controller began."""
        return MappingProxyType({status: self._counts[status] for status in PlanStatus})

    @property
    def timing(self) -> Timing:
        """How long the plans took since the controller began: missed deadlines, jitter."""
        return Timing.of(self._elapsed, deadline=self._deadline, cut=self._cut)

    def act(self, dynamics: Dynamics, state: Float[Tensor, "E S"]) -> Float[Tensor, "E A"]:
        """Plan from the given state and return each system's first action.

        Args:
            dynamics: Models of the E systems, as good as they are known now.
            state: Where the systems stand.

        Returns:
            Actions, always finite and within the planner's bounds.

        Raises:
            InputError: As `Planner.plan`; also if E changed without a `reset()`.
        """
        plan = self._planner.plan(
            dynamics,
            state,
            self._objective,
            proposal=self._proposal,
            previous=self._previous(),
            deadline=self._deadline,
            generator=self._generator,
        )
        self._last_plan = plan
        self._afresh = None
        self._counts.update(plan.status)
        self._elapsed.append(plan.elapsed)
        self._cut += plan.iterations < self._planner.iterations
        return plan.actions[:, 0].clone()

    def reset(self, systems: Sequence[bool] | Tensor | None = None) -> None:
        """Forget the previous plan: of all systems, or of those marked.

        Args:
            systems: E marks, true for a system that begins a new episode; None: all of them.

        Raises:
            InputError: If there is not one mark per system.
        """
        if systems is None:
            self._last_plan = None
            self._afresh = None
        elif self._last_plan is not None:
            actions = self._last_plan.actions
            marks = torch.as_tensor(systems, dtype=torch.bool, device=actions.device)
            if tuple(marks.shape) != (len(actions),):
                raise InputError(
                    f"reset got marks of shape {tuple(marks.shape)}; wanted one for each of the "
                    f"{len(actions)} systems, or reset() for all of them."
                )
            self._afresh = marks if self._afresh is None else self._afresh | marks

    def _previous(self) -> Plan | None:
        """The plan to start from; a row of NaN tells the planner to start that system afresh."""
        if self._last_plan is None or self._afresh is None:
            return self._last_plan
        actions = self._last_plan.actions.masked_fill(self._afresh[:, None, None], math.nan)
        return dataclasses.replace(self._last_plan, actions=actions)
