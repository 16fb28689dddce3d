"""A policy for goals as a proposal: iCEM with few candidates, with and without it."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.dynamics import Dynamics
from hyperdyn.envs.pushing import VIEWS, PushEnv
from hyperdyn.errors import InputError, require_known
from hyperdyn.planners import ICEM, Mixture, Plan, PolicyProposal, Proposal, Share
from hyperdyn.policies import GoalPolicy, Pursuit
from hyperdyn.training.goals.evaluation import scene_of
from hyperdyn.training.goals.trials import GoalTrial, run_actor
from hyperdyn.training.goals.views import goal_seen, poses, proprioception
from hyperdyn.training.pushing.planning import planned_with, problem
from hyperdyn.training.pushing.pusher import Pusher, one_view
from hyperdyn.training.pushing.trial_configs import FEEL, LOOK, PLAN, TrialConfig, draw_system
from hyperdyn.training.pushing.trials import feel, surroundings_of

CANDIDATES = ("own", "approach")
"""Where candidates of the first round come from: the planner's own noise, or the proposal that
pushes are planned with else, which goes round the object and pushes from behind."""
POLICY_SHARE = 0.5
"""Of the first round's candidates, where there is a policy."""


@dataclass(frozen=True, kw_only=True)
class GoalProposal:
    """What a policy would push in the dynamics that are planned with; weights at every step.

    The first sequence is the policy's own, the others have noise about it.
    """

    model: GoalPolicy
    """Sees states: generated dynamics show no pictures."""
    goal: Float[Tensor, "4"]
    """The object's pose at its goal."""
    before: tuple[Float[Tensor, "16"], ...]
    """States of the frames before the one that is planned from, the latest last."""
    std: float = 0.1
    """Of the noise, in half ranges of the bounds."""

    def __post_init__(self) -> None:
        """Refuse a policy that sees pictures.

        Raises:
            InputError: If it does.
        """
        if scene_of(self.model) != "state":
            raise InputError(
                f"This policy sees {scene_of(self.model)}s; in generated dynamics there are only "
                "states, so give one trained with --scenes state."
            )

    def propose(
        self,
        dynamics: Dynamics,
        state: Float[Tensor, "E S"],
        n: int,
        *,
        horizon: int,
        low: Float[Tensor, "A"],
        high: Float[Tensor, "A"],
        generator: torch.Generator,
    ) -> Float[Tensor, "E n H A"]:
        """Propose `n` sequences for each system; see `Proposal.propose`."""
        count = len(state) * n
        pursuit = Pursuit(self.model, self.goal.expand(count, -1), writing="every-step")

        def act(states: Float[Tensor, "E n S"]) -> Float[Tensor, "E n A"]:
            flat = states.flatten(0, 1)
            return pursuit.act(poses(flat), proprioception(flat)).view(*states.shape[:2], -1)

        for frame in self.before:
            act(frame.expand(len(state), n, -1))
        return PolicyProposal(act, self.std).propose(
            dynamics, state, n, horizon=horizon, low=low, high=high, generator=generator
        )


@dataclass(frozen=True, kw_only=True)
class FewCandidates:
    """How pushes are planned.

    Raises:
        UnknownNameError: If candidates come from nowhere known.
        InputError: If there are too few of them.
    """

    samples: int
    """Candidates of each round."""
    candidates: str
    """A name in `CANDIDATES`."""

    def __post_init__(self) -> None:
        """Check the name and the number."""
        require_known("source of candidates", self.candidates, CANDIDATES)
        if self.samples < 4:
            raise InputError(f"At least 4 candidates are needed; got {self.samples}.")

    def planner(self, config: TrialConfig) -> ICEM:
        """The way of planning pushes, with so many candidates in every round."""
        planner = config.planning.planner
        assert isinstance(planner, ICEM)  # see `trials_of`
        elites = max(2, self.samples // 10)
        return replace(planner, samples=self.samples, elites=elites, shrinking=1.0)


class PlanningActor:
    """Feels the object, looks at it once, and plans every push in its generated dynamics.

    Args:
        pusher: Sees and predicts.
        few: How candidates are drawn.
        policy: Proposes half of them; None: nothing does.
        config: From `trials_of`.
        number: Which trial.
        env: A table that nothing was pushed on yet.
        state: What it observes.

    Raises:
        PerceptionError: If the object is not found.
    """

    def __init__(
        self,
        pusher: Pusher,
        few: FewCandidates,
        policy: GoalPolicy | None,
        config: TrialConfig,
        number: int,
        env: PushEnv,
        state: Float[Tensor, "16"],
    ) -> None:
        system = draw_system(config, number)
        interactions = feel(system, config.rng(number, FEEL))
        camera = int(config.rng(number, LOOK).integers(len(VIEWS)))
        survey = pusher.survey(one_view(env.view(camera)), state[None])
        around = surroundings_of(survey, state[None], config)
        made = pusher.generate(interactions, survey, system.truth)
        self._dynamics = planned_with(config.planning, made, around)
        x, y = map(float, env.goal)
        self._objective, self._approach = problem(config.planning, around, (x, y))
        self._goal = goal_seen(env, state, "state")
        self._few, self._policy = few, policy
        self._planner = few.planner(config)
        self._generator = torch.Generator().manual_seed(config.seed_of(number, PLAN))
        self._before: list[Tensor] = []
        self._plan: Plan | None = None

    def act(self, state: Float[Tensor, "16"]) -> Float[Tensor, "3"]:
        """Plan, and push first what is best."""
        self._plan = self._planner.plan(
            self._dynamics,
            state[None],
            self._objective,
            proposal=self._proposal(),
            previous=self._plan,
            generator=self._generator,
        )
        self._before.append(state)
        return self._plan.actions[0, 0].clone()

    def arrived(self, state: Float[Tensor, "16"]) -> bool:
        """Never: a planner is told when to stop."""
        return False

    def _proposal(self) -> Proposal | Mixture | None:
        own = self._few.candidates == "own"
        if self._policy is None:
            return None if own else self._approach
        frames = self._policy.config.frames - 1
        before = tuple(self._before[-frames:]) if frames else ()
        policy = GoalProposal(model=self._policy, goal=self._goal, before=before)
        shares = [Share("policy", policy, POLICY_SHARE)]
        if not own:
            shares.append(Share("approach", self._approach, 1 - POLICY_SHARE))
        return Mixture(tuple(shares))


def plan_trials(
    pusher: Pusher, few: FewCandidates, policy: GoalPolicy | None, config: TrialConfig
) -> list[GoalTrial]:
    """Run all trials of one way of drawing candidates.

    Args:
        pusher: Sees and predicts.
        few: How candidates are drawn.
        policy: Proposes half of them; None: nothing does.
        config: From `trials_of`.

    Raises:
        InputError: If the policy sees pictures.
    """
    if policy is not None:
        GoalProposal(model=policy, goal=torch.zeros(4), before=())
    return [
        run_actor(
            lambda env, state, n=number: PlanningActor(  # type: ignore[misc]
                pusher, few, policy, config, n, env, state
            ),
            config,
            number,
        )
        for number in range(config.trials)
    ]
