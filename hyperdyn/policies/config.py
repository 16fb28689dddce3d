"""The sizes of a policy generator."""

from dataclasses import dataclass

from hyperdyn.errors import InputError, require_known
from hyperdyn.networks import ACTIVATIONS, MLPSpec


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """Sizes that every policy generator has; the defaults are HyPoGen's (its section 5.1 and B.2).

    Raises:
        InputError: If a size is not positive.
        UnknownNameError: If the activation has no entry in `hyperdyn.networks.ACTIVATIONS`.
    """

    condition_dim: int
    """C, numbers in a specification: 1 for a speed or a length, 2 for both."""
    observation_dim: int
    """O."""
    action_dim: int
    """A; actions are within -1 and 1."""
    hidden: tuple[int, ...] = (256,)
    """Hidden widths of the policies; the paper's two layers have one, its three layers two."""
    activation: str = "relu"
    """Hidden activation of the policies; the output is always a tanh."""
    embedding_dim: int = 256
    """Width of an encoded specification; a multiple of 4."""
    raw_conditions: bool = False
    """Whether specifications are read as they are, not standardised: an ablation. The released code
    reads them so, stiffnesses of 500 to 1500 too."""

    def __post_init__(self) -> None:
        """Check sizes."""
        sizes = (self.condition_dim, self.observation_dim, self.action_dim, self.embedding_dim)
        if min(*sizes, *self.hidden, 1) < 1:
            raise InputError(f"Sizes of a policy generator must be positive; got {self}.")
        if self.embedding_dim % 4:
            raise InputError(
                f"embedding_dim is {self.embedding_dim}; the specification's encoder widens it by "
                "quarters, so take a multiple of 4."
            )
        require_known("activation", self.activation, ACTIVATIONS)

    @property
    def network(self) -> MLPSpec:
        """The generated policies, before the tanh: O -> A."""
        sizes = (self.observation_dim, *self.hidden, self.action_dim)
        return MLPSpec(sizes=sizes, activation=self.activation)
