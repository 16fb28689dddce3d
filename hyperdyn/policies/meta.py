"""Meta policy: a conditioned policy trained to be a good start for a few gradient steps."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.adaptation import gradient_step
from hyperdyn.errors import InputError
from hyperdyn.heads import Concatenation
from hyperdyn.policies.config import PolicyConfig
from hyperdyn.policies.generated import GeneratedPolicy
from hyperdyn.policies.generator import Demonstrated, PolicyGenerator
from hyperdyn.policies.specification import SpecificationEncoder


@dataclass(frozen=True, kw_only=True)
class MetaConfig(PolicyConfig):
    """Sizes, the inner steps of training, and the fine-tuning of a new task (released code's)."""

    inner_steps: int = 5
    inner_rate: float = 0.01
    tuning_epochs: int = 5
    """Passes over the demonstrations of a new task."""
    tuning_rate: float = 1e-3
    """Of Adam, in these."""
    tuning_batch: int = 512

    def __post_init__(self) -> None:
        """Check sizes, counts and rates."""
        super().__post_init__()
        counts = (self.inner_steps, self.tuning_epochs, self.tuning_batch)
        if min(counts) < 1 or not 0 < min(self.inner_rate, self.tuning_rate) < float("inf"):
            raise InputError(f"Counts and rates of a meta policy must be positive; got {self}.")


class MetaPolicy(PolicyGenerator):
    """Cond Policy under model-agnostic meta-learning (Finn et al., 2017; HyPoGen, section 5.1).

    Training adapts each task's policy on half of its transitions and asks it for the other half,
    differentiating through the steps (second order). What is adapted is the written policy, weights
    and biases of all layers. A new task's policy is fine-tuned on demonstrations: few-shot.
    """

    kind = "meta"
    config_type = MetaConfig
    config: MetaConfig
    needs_support = True

    def __init__(self, config: PolicyConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        width = config.embedding_dim
        self.encoder = SpecificationEncoder(config.condition_dim, width, generator=generator)
        self.head = Concatenation(width, config.network, generator=generator)

    def start(self, conditions: Float[Tensor, "E C"]) -> Float[Tensor, "E P"]:
        """The policy of each task before it is adapted."""
        parameters: Tensor = self.head(self.encoder(self.standardiser.conditions(conditions)))
        return parameters

    def adapted(
        self, conditions: Float[Tensor, "E C"], support: Demonstrated
    ) -> Float[Tensor, "E P"]:
        """The policy of each task after the inner steps; differentiable."""
        own = self.start(conditions)

        def error(flat: Tensor) -> Tensor:
            return self.cloning_error(flat.view_as(own), support).sum()

        for _ in range(self.config.inner_steps):
            # All tasks' weights as those of one system: their gradients are apart, as errors add.
            own = gradient_step(own.flatten(), 1, self.config.inner_rate, error).view_as(own)
        return own

    def loss(
        self,
        conditions: Float[Tensor, "E C"],
        shown: Demonstrated,
        *,
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        """The error of adapted policies on what they were not adapted to."""
        half = len(shown) // 2
        adapted = self.adapted(conditions, shown.take(slice(half)))
        return self.cloning_error(adapted, shown.take(slice(half, None))).mean()

    def generate(
        self, conditions: Float[Tensor, "E C"], support: Demonstrated | None = None
    ) -> GeneratedPolicy:
        """Fine-tune a policy for each task; see `PolicyGenerator.generate`."""
        shown = self._shown(conditions, support)
        config = self.config
        with torch.enable_grad():
            own = self.start(conditions).detach().clone().requires_grad_()
            optimiser = torch.optim.Adam([own], lr=config.tuning_rate)
            batches = -(-len(shown) // config.tuning_batch)
            for batch in [*range(batches)] * config.tuning_epochs:
                # Every so many transitions, so that a batch holds some of every episode.
                error = self.cloning_error(own, shown.take(slice(batch, None, batches)))
                optimiser.zero_grad()
                error.sum().backward(inputs=[own])
                optimiser.step()
        return self.fold(own.detach())
