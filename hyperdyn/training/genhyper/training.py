"""Training a sampler of policies: its autoencoder first, where it has one, and then itself."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.genhyper import (
    CodeSampler,
    Diffusion,
    HypFormer,
    HypFormerConfig,
    HypLatent,
    PolicySampler,
    Regression,
    SamplerConfig,
    build_sampler,
    load_sampler,
)
from hyperdyn.genhyper.space import PolicySpace
from hyperdyn.policies.generator import policy_folder
from hyperdyn.storage import is_written, read_header
from hyperdyn.training.genhyper.alignment import aligned
from hyperdyn.training.genhyper.collection import PolicyCollection
from hyperdyn.training.genhyper.configs import GenHyperTrainConfig
from hyperdyn.training.genhyper.updates import Descend, Update, UpdateRun
from hyperdyn.training.run_folder import open_run
from hyperdyn.training.seeds import torch_generator

AUTOENCODER, SAMPLER = 0, 1
_BATCH, _METHOD = 0, 1
"""What an update draws: its experts, and what the method itself does."""
BETAS = (0.9, 0.999)
ADVERSARIAL_BETAS = (0.5, 0.999)
"""Of Adam, as the released code has them where two networks pull against each other."""


def train_genhyper(
    config: GenHyperTrainConfig,
    out: Path,
    source: PolicyCollection,
    *,
    base: Path | None = None,
    resume: bool = False,
    on_step: Callable[[int], object] = lambda count: None,
) -> PolicySampler:
    """Train a sampler and write it to `out / "model"`.

    Args:
        config: The run.
        out: Its folder.
        source: The experts; of them, only the run's tasks are looked at.
        base: Run folder of the sampler that a HypFormer refines.
        resume: Go on with a run that was stopped, to the weights it would have had; one that is
            finished is read.
        on_step: Told how many updates were made, of the autoencoder and of the sampler.

    Raises:
        CheckpointError: If the folder holds another run, or one that was not to be resumed.
        InputError: If these are not the run's experts, or not the run's base.
        HyperdynError: If a loss or its gradient is not finite.
    """
    if source.digest != config.policies:
        raise InputError(
            "These are not the experts that the run was defined with; give the same folder."
        )
    if is_written(out / "model"):
        open_run(config, out, resume=resume)
        on_step(sum(config.stages))
        return load_sampler(out)
    chosen = source.take(config.tasks)
    actors = chosen.actors
    if config.aligned:
        actors = aligned(chosen.network, actors)
    drawn = torch_generator(config.seed, "model")
    model: PolicySampler
    if isinstance(config.model, SamplerConfig):
        model = _begun(config, chosen, actors, drawn)
    else:
        model = _refining(config, base, drawn)
    experts = _Experts(config, chosen, model.space.units.standardised(actors))
    with UpdateRun(
        config,
        out,
        model.train(),
        stages=config.stages,
        gradient_norm=config.gradient_norm,
        resume=resume,
    ) as run:
        _train_autoencoder(run, config, model.space, experts, on_step)
        run.stage(
            SAMPLER,
            _update(model, experts),
            rate=config.learning_rate,
            betas=ADVERSARIAL_BETAS if isinstance(model, HypLatent) else BETAS,
            on_step=on_step,
        )
        model.eval().save(out / "model")
        run.finish()
    return model


class _Experts:
    """What updates are made on.

    Args:
        config: The run.
        source: Its tasks.
        weights: Of the experts, standardised.
    """

    def __init__(
        self, config: GenHyperTrainConfig, source: PolicyCollection, weights: Tensor
    ) -> None:
        self._config = config
        self._source = replace(source, actors=weights)
        self.weights = weights.flatten(0, 1)

    def draw(
        self, stage: int, step: int
    ) -> tuple[Float[Tensor, "B C"], Float[Tensor, "B P"], torch.Generator]:
        """Conditions, weights, and what the method draws from."""
        batch, method = (
            torch_generator(self._config.seed, "batches", stage, step, what)
            for what in (_BATCH, _METHOD)
        )
        return *self._source.draw(self._config.batch, batch), method


def _begun(
    config: GenHyperTrainConfig, source: PolicyCollection, actors: Tensor, drawn: torch.Generator
) -> CodeSampler:
    """A sampler that knows its units, and has learnt nothing yet."""
    assert isinstance(config.model, SamplerConfig)
    model = build_sampler(config.kind, config.model, generator=drawn)
    model.space.units.fit(actors.flatten(0, 1))
    model.conditions.fit(source.conditions.flatten(0, 1))
    return model


def _refining(config: GenHyperTrainConfig, base: Path | None, drawn: torch.Generator) -> HypFormer:
    """A HypFormer over the run's base, untrained."""
    assert isinstance(config.model, HypFormerConfig)
    if base is None or read_header(policy_folder(base))["sha256"] != config.base:
        raise InputError("This is not the sampler that the run refines; give its run as base.")
    model = HypFormer(config.model, generator=drawn)
    model.base.load_state_dict(load_sampler(base).state_dict())
    return model


def _train_autoencoder(
    run: UpdateRun,
    config: GenHyperTrainConfig,
    space: PolicySpace,
    experts: _Experts,
    on_step: Callable[[int], object],
) -> None:
    """Equation 1 alone; then the units of codes, taken once."""
    autoencoder = space.autoencoder
    if autoencoder is None or config.refines:
        return
    was_over = run.stage_is_over(AUTOENCODER)

    def update(step: int, descend: Descend) -> dict[str, Tensor]:
        _, weights, method = experts.draw(AUTOENCODER, step)
        loss = autoencoder.loss(weights, generator=method)
        descend(loss, autoencoder.parameters())
        return {"reconstruction": loss}

    run.stage(AUTOENCODER, update, rate=config.autoencoder_rate, betas=BETAS, on_step=on_step)
    if not was_over:
        space.fit_codes(experts.weights)


def _update(model: PolicySampler, experts: _Experts) -> Update:
    """What an update of a sampler is."""
    if isinstance(model, HypLatent):
        return partial(_adversarial, model, experts)
    if isinstance(model, Regression | Diffusion):
        return partial(_plain, model, experts)
    assert isinstance(model, HypFormer)
    return partial(_refine, model, experts)


def _plain(
    model: Regression | Diffusion, experts: _Experts, step: int, descend: Descend
) -> dict[str, Tensor]:
    conditions, weights, method = experts.draw(SAMPLER, step)
    loss = model.loss(model.conditions.read(conditions), weights, generator=method)
    descend(loss, model.writer.trained.parameters())
    model.writer.follow(step)
    return {"loss": loss}


def _refine(model: HypFormer, experts: _Experts, step: int, descend: Descend) -> dict[str, Tensor]:
    conditions, weights, method = experts.draw(SAMPLER, step)
    losses = model.losses(conditions, weights, generator=method)
    descend(model.weighted(losses), model.refiner.parameters())
    return vars(losses)


def _adversarial(
    model: HypLatent, experts: _Experts, step: int, descend: Descend
) -> dict[str, Tensor]:
    """Algorithm 1, with what the text says of encoder and decoder."""
    conditions, weights, method = experts.draw(SAMPLER, step)
    read = model.conditions.read(conditions)
    writer, judge, space, config = model.writer.trained, model.judge, model.space, model.config
    logged: dict[str, Tensor] = {}

    # Equation 3 moves F and the encoder; equation 1 the autoencoder, with them.
    written = model.written(read, method)
    discrimination = model.discrimination(space.encode(weights), written.detach(), method)
    moved = [*judge.features.parameters(), *judge.verdict.parameters()]
    loss = discrimination
    if space.autoencoder is not None:
        logged["reconstruction"] = space.autoencoder.loss(weights, generator=method)
        loss = loss + logged["reconstruction"]
        moved += space.autoencoder.parameters()
    descend(loss, moved)

    # Equation 2 moves G and the decoder.
    parts = model.writing(written, weights)
    moved = list(writer.parameters())
    if space.autoencoder is not None:
        moved.append(space.autoencoder.decoder)
    descend(parts.deception + config.reconstruction_weight * parts.imitation, moved)

    # Equation 4 moves G, F and Q.
    recognition = model.recognition(model.written(read, method), read)
    moved = [*writer.parameters(), *judge.features.parameters(), *judge.recognition.parameters()]
    descend(config.condition_weight * recognition, moved)
    model.writer.follow(step)
    return {
        **logged,
        "discrimination": discrimination,
        **vars(parts),
        "recognition": recognition,
    }
