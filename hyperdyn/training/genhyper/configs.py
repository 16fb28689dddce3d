"""Everything that defines the training of a sampler, and runs by the name of their method."""

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperdyn.errors import CheckpointError, InputError, require_known
from hyperdyn.genhyper import (
    SAMPLERS,
    CodeSampler,
    HypFormer,
    HypFormerConfig,
    RefinerConfig,
    SamplerConfig,
    load_sampler,
)
from hyperdyn.policies.generator import policy_folder
from hyperdyn.storage import read_header
from hyperdyn.training.genhyper.collection import PolicyCollection
from hyperdyn.training.run_folder import RUN_FILE

METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "hyplatent-weight": ("hyplatent", {"latent": False}),
    "hyplatent-latent": ("hyplatent", {"latent": True}),
    "regression": ("regression", {"latent": True}),
    "diffusion": ("diffusion", {"latent": True}),
    "hypformer": ("hypformer", {}),
}
"""Kinds, and the sizes that make a method of one. Those in the latent space begin with the same
autoencoder, trained on the same batches."""


@dataclass(frozen=True, kw_only=True)
class GenHyperTrainConfig:
    """A run: equal data, batches and updates for every method; the last weights are kept.

    Raises:
        UnknownNameError: If there is no such kind.
        InputError: If a number cannot be, or the sizes are of another class.
    """

    kind: str
    """A name in `hyperdyn.genhyper.SAMPLERS`, or "hypformer"."""
    model: SamplerConfig | HypFormerConfig
    """Its sizes."""
    policies: str
    """Digest of the experts."""
    tasks: tuple[int, ...]
    """Indices of the training tasks that are learnt from."""
    base: str | None = None
    """SHA-256 of the sampler that a HypFormer refines."""
    aligned: bool = True
    """Whether the experts' hidden units are put in one order first."""
    seed: int = 0
    """Of every random number."""
    autoencoder_steps: int = 1000
    """Updates of the autoencoder before the sampler's; none where weights are the codes."""
    steps: int = 3000
    """Updates of the sampler."""
    batch: int = 64
    """Experts in an update."""
    autoencoder_rate: float = 1e-3
    """Learning rate of those of the autoencoder at first; Make-An-Agent's."""
    learning_rate: float = 5e-4
    """Of the sampler's at first; both fall on a line to zero."""
    gradient_norm: float = 10.0
    """Longest gradient of an optimiser step."""

    def __post_init__(self) -> None:
        """Check names and numbers."""
        require_known("sampler", self.kind, (*SAMPLERS, HypFormer.kind))
        wanted = HypFormerConfig if self.refines else SAMPLERS[self.kind].config_type
        if type(self.model) is not wanted:
            raise InputError(
                f"A {self.kind!r} is made from a {wanted.__name__}; got a "
                f"{type(self.model).__name__}."
            )
        if self.refines == (self.base is None):
            raise InputError(
                "A HypFormer refines another sampler, and no other kind does; "
                + ("name the run of one." if self.refines else "leave the base out.")
            )
        counts = (self.autoencoder_steps, self.steps, self.batch)
        if min(counts) < 1 or self.seed < 0 or not self.tasks:
            raise InputError(f"Counts of a run must be positive; got {self}.")
        for name in ("autoencoder_rate", "learning_rate", "gradient_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} must be positive; got {getattr(self, name)}.")

    @property
    def refines(self) -> bool:
        """Whether another sampler is refined."""
        return self.kind == HypFormer.kind

    @property
    def stages(self) -> tuple[int, ...]:
        """Updates of the autoencoder, where there is one to train, and of the sampler."""
        own = isinstance(self.model, SamplerConfig) and self.model.latent
        return (self.autoencoder_steps if own else 0, self.steps)


def genhyper_run(
    method: str,
    source: PolicyCollection,
    *,
    tasks: int | None = None,
    base: Path | None = None,
    sizes: dict[str, Any] | None = None,
    **settings: Any,
) -> GenHyperTrainConfig:
    """The run of a method on collected experts.

    Args:
        method: A name in `METHODS`.
        source: What it learns from; gives the widths.
        tasks: How many of its training tasks, evenly spaced by value; all unless given. A
            HypFormer learns from those that its base did.
        base: Run folder of the sampler that a HypFormer refines.
        sizes: Fields of the sampler's configuration (of a HypFormer: its refiner's) that differ
            from the default.
        settings: Fields of the run that differ from the default.

    Raises:
        UnknownNameError: If there is no such method.
        InputError: If a number cannot be, or there is no such size.
        CheckpointError: If the base cannot be read.
    """
    require_known("method", method, METHODS)
    kind, changes = METHODS[method]
    changes = {**changes, **(sizes or {})}
    model: SamplerConfig | HypFormerConfig
    if kind == HypFormer.kind:
        return _refining(source, base, tasks, changes, settings)
    if base is not None:
        raise InputError(f"A {method} refines nothing; leave the base out, or name hypformer.")
    model = _made(
        SAMPLERS[kind].config_type,
        {
            "condition_dim": source.conditions.shape[-1],
            "observation_dim": source.network.sizes[0],
            "action_dim": source.network.sizes[-1] // 2,
            "hidden": source.network.sizes[1:-1],
            "activation": source.network.activation,
            "period": source.period,
            **changes,
        },
    )
    chosen = source.tasks if tasks is None else source.spread(tasks)
    return GenHyperTrainConfig(
        kind=kind, model=model, policies=source.digest, tasks=chosen, **settings
    )


def _refining(
    source: PolicyCollection,
    base: Path | None,
    tasks: int | None,
    sizes: dict[str, Any],
    settings: dict[str, Any],
) -> GenHyperTrainConfig:
    """The run of a HypFormer: on what its base was trained on."""
    if base is None or tasks is not None or "aligned" in settings:
        raise InputError(
            "A hypformer refines a trained sampler and learns from what it did: give the run of "
            "one as base, and no number of tasks nor order of hidden units."
        )
    refined = load_sampler(base)
    if not isinstance(refined, CodeSampler):
        raise InputError(f"{base} holds a {refined.kind!r}; give the run of another method.")
    run = _settings_of(base)
    if run["policies"] != source.digest:
        raise InputError(
            f"{base} was trained on other experts; give the folder that its run was begun with."
        )
    return GenHyperTrainConfig(
        kind=HypFormer.kind,
        model=HypFormerConfig(
            base_kind=refined.kind, base=refined.config, refiner=_made(RefinerConfig, sizes)
        ),
        policies=source.digest,
        tasks=tuple(run["tasks"]),
        aligned=run["aligned"],
        base=str(read_header(policy_folder(base))["sha256"]),
        **settings,
    )


def _settings_of(run: Path) -> dict[str, Any]:
    """What a run was begun with."""
    try:
        config: dict[str, Any] = json.loads((run / RUN_FILE).read_text())["config"]
    except (OSError, json.JSONDecodeError, KeyError) as error:
        raise CheckpointError(
            f"{run} does not say what it was trained on ({error!r}); give the whole run folder of "
            "`hyperdyn train genhyper`, not its model alone."
        ) from error
    return config


def _made(kind: type[Any], fields: dict[str, Any]) -> Any:
    """A configuration of some fields.

    Raises:
        InputError: If it has no such field.
    """
    unknown = sorted(set(fields) - {field.name for field in dataclasses.fields(kind)})
    if unknown:
        raise InputError(f"A {kind.__name__} has no size named {', '.join(unknown)}.")
    return kind(**fields)
