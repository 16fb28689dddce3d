"""HyPoGen: policy generation as a few steps of a learned optimiser that sees no data.

Two forms that the paper and its code do not agree on, selectable:

* `HyPoGenRaw`, the released computation (commit fc5f849): updates in the space of parameters,
  which every block encodes and decodes anew, normalised, with one learned step size a block;
* `HyPoGenLatent`, the paper's (equations 6 to 8, appendix A.2): updates in the space of encoded
  layers, with a network for the step, decoded once.

Both write every layer of a policy of any depth, and `stages` gives the policies after each update.
"""

import abc
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyperdyn.errors import InputError
from hyperdyn.networks import default_parameters
from hyperdyn.policies.config import PolicyConfig
from hyperdyn.policies.generator import ZeroShotPolicy
from hyperdyn.policies.hypogen_block import HyPoGenBlock, thought_widths
from hyperdyn.policies.layers import two_layers
from hyperdyn.policies.specification import SpecificationEncoder

_FIRST_STEP = -0.01
"""The step size that blocks of the raw form begin with."""


@dataclass(frozen=True, kw_only=True)
class HyPoGenConfig(PolicyConfig):
    """Sizes; the defaults are the released code's, which the paper's agree with but for one."""

    blocks: int = 8
    """K, updates."""
    code_dim: int = 128
    """Width of an encoded layer; the paper says 256."""
    codec_hidden: int = 256
    """Hidden width of the layers' encoders and decoders."""
    block_hidden: int = 128
    """Hidden width of the networks in blocks."""
    thought_width: int = 64
    """Width that blocks think the policies' hidden layers have, whatever they have."""

    def __post_init__(self) -> None:
        """Check sizes."""
        super().__post_init__()
        sizes = (self.blocks, self.code_dim, self.codec_hidden, self.block_hidden)
        if min(*sizes, self.thought_width) < 1:
            raise InputError(f"Sizes of a HyPoGen generator must be positive; got {self}.")


class HyPoGen(ZeroShotPolicy, abc.ABC):
    """The parts of both forms: θ⁰, the layers' encoders and decoders, and K blocks.

    Args:
        config: Sizes.
        generator: Source of the initial weights.
    """

    config_type = HyPoGenConfig
    config: HyPoGenConfig

    def __init__(self, config: PolicyConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        sizes, spec = self.config, config.network
        width, code, hidden = sizes.embedding_dim, sizes.code_dim, sizes.codec_hidden
        self.lengths = [inputs * outputs + outputs for inputs, outputs in spec.layers]
        self.encoder = SpecificationEncoder(config.condition_dim, width, generator=generator)
        self.start = nn.Parameter(default_parameters(spec, generator))
        self.encoders = nn.ModuleList(
            two_layers(length, hidden, code, generator) for length in self.lengths
        )
        self.decoders = nn.ModuleList(
            two_layers(code, hidden, length, generator) for length in self.lengths
        )
        widths = thought_widths(spec.layers, sizes.thought_width)
        self.blocks = nn.ModuleList(
            HyPoGenBlock(
                width, widths, code, sizes.block_hidden, sliced=self._sliced, generator=generator
            )
            for _ in range(sizes.blocks)
        )

    _sliced: bool

    @abc.abstractmethod
    def stages(self, conditions: Float[Tensor, "E C"]) -> Float[Tensor, "stages E P"]:
        """Each task's policy before the first update and after every one; the last is the result.

        Args:
            conditions: Specifications, standardised.
        """

    def encode(self, parameters: Float[Tensor, "E P"]) -> list[Float[Tensor, "E Z"]]:
        """The code of each layer."""
        layers = parameters.split(self.lengths, dim=-1)
        return [encode(layer) for encode, layer in zip(self.encoders, layers, strict=True)]

    def decode(self, codes: list[Float[Tensor, "E Z"]]) -> list[Tensor]:
        """What each code stands for: flat parameters of its layer, [E, its length]."""
        return [decode(code) for decode, code in zip(self.decoders, codes, strict=True)]


class HyPoGenRaw(HyPoGen):
    """θₖ = θₖ₋₁ + λₖ LN(D(ψₖ(E(θₖ₋₁), φ))), LN over each weight matrix and each bias by itself.

    The code of the paper's commit fc5f849. Left out are the networks in its blocks whose output
    nothing uses, and what that code does not do in the commits after: activations behind the last
    layer, and layers beyond the second that stay as they are.
    """

    kind = "hypogen_raw"
    _sliced = True

    def __init__(self, config: PolicyConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        sizes = self.config
        actions, hidden = sizes.action_dim, sizes.block_hidden
        self.output_gradients = nn.ModuleList(
            two_layers(sizes.embedding_dim, hidden, actions, generator) for _ in self.blocks
        )
        self.step_sizes = nn.Parameter(torch.full((sizes.blocks,), _FIRST_STEP))
        self._tensors = [n for q, p in config.network.layers for n in (q * p, p)]
        self.norms = nn.ModuleList(nn.LayerNorm(length) for length in self._tensors)

    def networks(self, conditions: Float[Tensor, "E C"]) -> Float[Tensor, "E P"]:
        """The policies after all updates."""
        return self._updates(conditions)[-1]

    def stages(self, conditions: Float[Tensor, "E C"]) -> Float[Tensor, "stages E P"]:
        """The policies after every update; see `HyPoGen.stages`."""
        return torch.stack(self._updates(conditions))

    def _updates(self, conditions: Tensor) -> list[Tensor]:
        embedding = self.encoder(conditions)
        found = [self.start.expand(len(conditions), -1)]
        for block, gradient, step in zip(
            self.blocks, self.output_gradients, self.step_sizes, strict=True
        ):
            codes = self.encode(found[-1])
            decoded = self.decode(block(embedding, codes, gradient(embedding)))
            found.append(found[-1] + step * self._normalise(decoded))
        return found

    def _normalise(self, layers: list[Tensor]) -> Tensor:
        """Layer norm over every tensor of every layer."""
        tensors = torch.cat(layers, dim=-1).split(self._tensors, dim=-1)
        normed = [norm(tensor) for norm, tensor in zip(self.norms, tensors, strict=True)]
        return torch.cat(normed, dim=-1)


class HyPoGenLatent(HyPoGen):
    """u⁰ = E(θ⁰), uₖ = uₖ₋₁ + λₖ(uₖ₋₁, φ) ψₖ(uₖ₋₁, φ), θ = D(uₖ).

    λₖ stands for a learning rate times the error at the policy's output (paper, below equation 6),
    so it is a vector of A numbers, what the chain of Jacobians is multiplied with from the left.
    Open, and chosen here: decoders begin with an ordinary network in their last bias, so that
    policies do too.
    """

    kind = "hypogen_latent"
    _sliced = False

    def __init__(self, config: PolicyConfig, *, generator: torch.Generator) -> None:
        super().__init__(config, generator=generator)
        sizes = self.config
        inputs = sizes.embedding_dim + sizes.code_dim * len(self.lengths)
        self.steps = nn.ModuleList(
            two_layers(inputs, sizes.block_hidden, sizes.action_dim, generator) for _ in self.blocks
        )
        ordinary = default_parameters(config.network, generator).split(self.lengths)
        for decoder, layer in zip(self.decoders, ordinary, strict=True):
            decoder.get_parameter("2.bias").detach().copy_(layer)

    def networks(self, conditions: Float[Tensor, "E C"]) -> Float[Tensor, "E P"]:
        """The policies that the last codes stand for."""
        return torch.cat(self.decode(self._updates(conditions)[-1]), dim=-1)

    def stages(self, conditions: Float[Tensor, "E C"]) -> Float[Tensor, "stages E P"]:
        """What the codes stand for after every update; see `HyPoGen.stages`."""
        updates = self._updates(conditions)
        return torch.stack([torch.cat(self.decode(codes), dim=-1) for codes in updates])

    def _updates(self, conditions: Tensor) -> list[list[Tensor]]:
        embedding = self.encoder(conditions)
        codes = self.encode(self.start[None])
        found = [[code.expand(len(conditions), -1) for code in codes]]
        for block, step in zip(self.blocks, self.steps, strict=True):
            gradient = step(torch.cat([embedding, *found[-1]], dim=-1))
            changes = block(embedding, found[-1], gradient)
            found.append([code + change for code, change in zip(found[-1], changes, strict=True)])
        return found
