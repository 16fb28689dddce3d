"""Acting on the suite's tasks with policies: alone, and as proposals of a planner.

Every way of acting here is an `Expert` of the demonstrations: it takes over episodes that have just
begun and acts in all of them in lockstep.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.suite.base import SuiteEnv
from hyperdyn.envs.suite.true_dynamics import SuiteSimulators
from hyperdyn.model import DynamicsGenerator
from hyperdyn.networks import join_parameters
from hyperdyn.planners import MPC, Mixture, Planner, PolicyProposal, Share
from hyperdyn.policies import GeneratedPolicy, ObservingPolicy
from hyperdyn.training.collect import PlanningAgent
from hyperdyn.training.suite_states import OBSERVATION, SuiteReward, suite_state, suite_state_space


class Advice:
    """A policy's share of the candidates of a plan's first round.

    Args:
        policy: One for each system.
        share: Of that round's candidates; at least one, which is the policy's own plan.
        std: Deviation of the noise about it in the others, in half ranges of the action.
    """

    def __init__(self, policy: GeneratedPolicy, share: float, std: float) -> None:
        self._policy, self._share, self._std = policy, share, std

    def mixture(self, columns: slice) -> Mixture:
        """As a planner takes it, where these columns of a state are the observation."""
        proposal = PolicyProposal(ObservingPolicy(self._policy, columns), self._std)
        return Mixture((Share("policy", proposal, self._share),))


class PolicyActs:
    """A policy by itself.

    Args:
        policy: One for each system.
    """

    def __init__(self, policy: GeneratedPolicy) -> None:
        self._policy = policy

    def begin(self, envs: Sequence[SuiteEnv], generator: torch.Generator) -> None:
        """There is nothing to remember."""

    def act(self, observations: Float[Tensor, "E O"]) -> Float[Tensor, "E A"]:
        """As the policy does."""
        return self._policy.act(observations)


class TruePlanning:
    """A planner over the simulators of the episodes themselves.

    Args:
        planner: What plans.
        advice: What proposes; None: nothing but the planner's own draw.
    """

    def __init__(self, planner: Planner[Any], advice: Advice | None = None) -> None:
        self._planner, self._advice = planner, advice

    def begin(self, envs: Sequence[SuiteEnv], generator: torch.Generator) -> None:
        """Take over the simulators."""
        self._simulators = SuiteSimulators(envs)
        columns = self._simulators.view.observation
        self._controller = MPC(
            self._planner,
            self._simulators.objective,
            None if self._advice is None else self._advice.mixture(columns),
            generator=generator,
        )

    def act(self, observations: Float[Tensor, "E O"]) -> Float[Tensor, "E A"]:
        """Plan from where the simulators stand."""
        states = self._simulators.states()
        return self._controller.act(self._simulators.dynamics, states).float()


class ModelPlanning:
    """A planner over dynamics generated from what was just watched; at first it acts at random.

    Args:
        model: Generates the dynamics.
        planner: What plans.
        advice: As `TruePlanning`.
    """

    def __init__(
        self, model: DynamicsGenerator, planner: Planner[Any], advice: Advice | None = None
    ) -> None:
        self._model, self._planner, self._advice = model, planner, advice

    def begin(self, envs: Sequence[SuiteEnv], generator: torch.Generator) -> None:
        """Begin to watch."""
        body = envs[0].body
        columns = suite_state_space(body).slice_of(OBSERVATION)
        proposal = None if self._advice is None else self._advice.mixture(columns)
        objective = SuiteReward(body)
        self._envs = tuple(envs)
        self._agent = PlanningAgent(self._model, self._planner, objective, generator, proposal)
        self._agent.reset(len(envs))
        self._states = self._now()

    def act(self, observations: Float[Tensor, "E O"]) -> Float[Tensor, "E A"]:
        """Watch, generate, plan."""
        now = self._now()
        sound = now.isfinite().all(dim=1, keepdim=True)  # a diverged episode stays where it was
        self._states = torch.where(sound, now, self._states)
        return self._agent.act(self._states)

    def _now(self) -> Float[Tensor, "E S"]:
        return torch.from_numpy(np.stack([suite_state(env) for env in self._envs])).float()


def sabotaged(policy: GeneratedPolicy) -> GeneratedPolicy:
    """The policy that always does the opposite: its last layer with the other sign."""
    *before, (weight, bias) = policy.parameters_by_layer
    return replace(policy, parameters=join_parameters([*before, (-weight, -bias)]))
