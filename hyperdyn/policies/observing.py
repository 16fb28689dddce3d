"""Generated policies for dynamics whose states hold more than what the policies observe."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hyperdyn.policies.generated import GeneratedPolicy


@dataclass(frozen=True)
class ObservingPolicy:
    """Some columns of the state are the observation; what `hyperdyn.planners.PolicyProposal` takes.

    A simulator's states hold all that it needs to go on (`hyperdyn.envs.suite`: positions,
    velocities, then the observation), often in float64. Where states are the observations, in the
    policies' own type, `GeneratedPolicy.act` does.
    """

    policy: GeneratedPolicy
    """One for each system."""
    columns: slice
    """Of the state: the observation."""

    def __call__(self, states: Float[Tensor, "E N S"]) -> Float[Tensor, "E N A"]:
        """Actions in these states, of the states' type.

        Raises:
            InputError: If there are not E policies, or the columns are not the observation's.
        """
        observations = states[..., self.columns].to(self.policy.parameters)
        return self.policy.act(observations).to(states)
