"""Refining the best candidates by gradient ascent through the dynamics."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.errors import InputError
from hyperdyn.planners._numbers import require_at_least, require_range
from hyperdyn.planners.box import ActionBox
from hyperdyn.planners.ensemble import Ensemble
from hyperdyn.planners.objectives import Constrained, ObjectiveFunction

MOMENTUM = 0.5
"""Decay of the running mean of the gradients."""
VIOLATION_WEIGHT = 2.0
"""Weight of the way back to feasibility against the way up, both of unit size."""
_MEND = (
    "Plan without a refinement, or with dynamics and an objective that torch can differentiate "
    "(a generated model and the package's own objectives)."
)


@dataclass(frozen=True)
class GradientRefinement:
    """A few steps of gradient ascent from the best candidates, each kept within the bounds.

    The gradient of each plan, in half ranges of the bounds, is scaled to unit size (root mean
    square over its actions), and a step follows its running mean. Where a hard constraint is
    violated it is ∇return - 2 ∇violation, each scaled to unit size before: a penalty that is always
    steeper than the return, so that the violation falls.

    All plans on the way are handed back, for the planner to rank together with what it has: the
    refined plan is never worse than the one it started from.
    """

    candidates: int = 8
    """K, best candidates of each system to start from."""
    steps: int = 5
    """Steps from each."""
    rate: float = 0.2
    """Size of a step in half ranges, root mean square over the actions of a plan; above 0."""

    def __post_init__(self) -> None:
        """Refuse nothing to do and steps that lead nowhere."""
        require_at_least("candidates", self.candidates, 1)
        require_at_least("steps", self.steps, 1)
        require_range("rate", self.rate, 0.0, open_below=True)

    def refine(
        self,
        dynamics: Dynamics,
        objective: ObjectiveFunction,
        start: Float[Tensor, "E S"],
        actions: Float[Tensor, "E K H A"],
        box: ActionBox,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> Float[Tensor, "E refined H A"]:
        """Climb from K plans of each system.

        Args:
            dynamics: Models of E systems, differentiable in the actions. In an `Ensemble` the
                members' returns climb together, as its risk says.
            objective: What to maximise, differentiable in states and actions; hard constraints
                (`Constrained`) count where they have a gradient.
            start: Where each system stands; finite.
            actions: The plans to start from, finite and within the bounds; left as they are.
            box: The bounds.
            may_go_on: Asked before each step; False ends the refinement there.

        Returns:
            The plans after each step, those of the first step first: steps · K for each system,
            or fewer if `may_go_on` said so. A plan whose gradient is not finite stays where it is.

        Raises:
            InputError: If the dynamics or the objective cannot be differentiated.
        """
        current, start = actions.detach().clone(), start.detach()
        momentum, visited = torch.zeros_like(current), [current[:, :0]]
        for step in range(1, self.steps + 1):
            if not may_go_on():
                break
            uphill = _uphill(dynamics, objective, start, current, box.half_range)
            sound = uphill.isfinite().flatten(start_dim=2).all(dim=-1)[..., None, None]
            uphill = torch.where(sound, uphill, 0.0)
            momentum = MOMENTUM * momentum + (1 - MOMENTUM) * uphill
            way = momentum / (1 - MOMENTUM**step)
            moved = box.clip(current + self.rate * box.half_range * way)
            current = torch.where(sound, moved, current)
            visited.append(current)
        return torch.cat(visited, dim=1)


def _uphill(
    dynamics: Dynamics,
    objective: ObjectiveFunction,
    start: Float[Tensor, "E S"],
    actions: Float[Tensor, "E K H A"],
    half_range: Float[Tensor, "A"],
) -> Float[Tensor, "E K H A"]:
    """Way up for each plan, in half ranges and of unit size or zero."""
    with torch.inference_mode(False), torch.enable_grad():
        variable = actions.clone().requires_grad_()
        try:
            returns, violations = _merits(dynamics, objective, start.clone(), variable)
            descends = violations.requires_grad
            (ascent,) = torch.autograd.grad(returns.sum(), variable, retain_graph=descends)
            descent = torch.zeros_like(ascent)
            if descends:
                (descent,) = torch.autograd.grad(violations.sum(), variable)
        except RuntimeError as error:  # without gradients it ran, or there were no plan to refine
            raise InputError(
                f"The gradient refinement cannot differentiate a rollout of "
                f"{type(dynamics).__name__} and its return: {error} {_MEND}"
            ) from error
    up, down = _unit(ascent * half_range), _unit(descent * half_range)
    violated = (violations.detach() > 0)[..., None, None]
    return torch.where(violated, _unit(up - VIOLATION_WEIGHT * down), up)


def _merits(
    dynamics: Dynamics,
    objective: ObjectiveFunction,
    start: Float[Tensor, "E S"],
    actions: Float[Tensor, "E K H A"],
) -> tuple[Float[Tensor, "E K"], Float[Tensor, "E K"]]:
    """Returns and violations with their graph; in an ensemble, put together as it says."""
    members = dynamics.members if isinstance(dynamics, Ensemble) else (dynamics,)
    returns, violations = [], []
    for member in members:
        states = member.rollout(start, actions)
        if not states.requires_grad:
            raise InputError(
                f"The gradient refinement needs the gradient of states by actions, and "
                f"{type(member).__name__} returns states without one. {_MEND}"
            )
        returns.append(objective(states, actions))
        if not returns[-1].requires_grad:
            raise InputError(
                f"The gradient refinement needs the gradient of returns by states, and the "
                f"objective returns them without one. {_MEND}"
            )
        violations.append(
            objective.violation(states, actions)
            if isinstance(objective, Constrained)
            else torch.zeros_like(returns[-1])
        )
    if not isinstance(dynamics, Ensemble):
        return returns[0], violations[0]
    return dynamics.aggregate(torch.stack(returns)), dynamics.violations(torch.stack(violations))


def _unit(way: Float[Tensor, "E K H A"]) -> Float[Tensor, "E K H A"]:
    """Scale each plan's row to a root mean square of one; zero stays zero."""
    size = way.square().mean(dim=(-2, -1), keepdim=True).sqrt()
    return way / torch.where(size == 0, 1.0, size)
