"""`hyperdyn train genhyper`: train a sampler of policies on collected experts."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job
from hyperdyn.errors import InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.training.genhyper.collection import PolicyCollection

_EMBEDDING = "embedding"
_SETTINGS = ("steps", "batch", "learning_rate")


@dataclass(frozen=True, kw_only=True)
class TrainGenhyper(Command):
    """Train a sampler of policies on experts; Ctrl-C at any time, the same command goes on.

    The run folder gets metrics.jsonl, a checkpoint, and `model`. Test tasks are never read.
    """

    positionals: ClassVar[tuple[str, ...]] = ("method",)

    method: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="METHOD")]
    """hyplatent-weight or hyplatent-latent (adversarial, over weights or an autoencoder's latents);
    the rivals regression and diffusion (over the same latents); hypformer, which refines the
    samples of another run; or embedding, of behaviour, to describe tasks by."""
    policies: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """What `hyperdyn collect policies` wrote."""
    out: Annotated[Path, tyro.conf.arg(metavar="RUN")]
    """Run folder: new, or one to go on with."""
    tasks: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Training tasks to learn from, evenly spaced by value; all there are unless given."""
    base: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """The run that hypformer refines."""
    embedding: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """Run of an embedding that describes the tasks, in place of their velocity or direction."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Updates of the sampler, 3,000 unless given; of an embedding 1,000."""
    batch: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Experts in an update, 64 unless given."""
    learning_rate: Annotated[float | None, tyro.conf.arg(metavar="X")] = None
    """At first, 0.0005 unless given (of an embedding 0.001); it falls on a line to zero."""
    unaligned: tyro.conf.FlagCreatePairsOff[bool] = False
    """Leave the experts' hidden units in the order that they learnt in: an ablation."""
    seed: int = 0
    """Seed of every random number."""

    def prepare(self) -> Job:
        """Check names, numbers and folders."""
        from hyperdyn.training.genhyper.collection import PolicyCollection
        from hyperdyn.training.genhyper.configs import METHODS

        require_known("method", self.method, (*METHODS, _EMBEDDING))
        if self.seed < 0:
            raise InputError(f"--seed must not be negative; got {self.seed}.")
        source = PolicyCollection.read(self.policies)
        return self._embedding(source) if self.method == _EMBEDDING else self._sampler(source)

    def _embedding(self, source: "PolicyCollection") -> Job:
        from hyperdyn.training.genhyper.embedding import embedding_run, train_embedding

        given = [name for name in ("base", "embedding", "batch") if getattr(self, name) is not None]
        if given or self.unaligned:
            raise InputError(
                f"An embedding has no {given[0] if given else 'order of hidden units'}: leave the "
                "option out, or name another method."
            )
        config = embedding_run(source, tasks=self.tasks, seed=self.seed, **self._settings())

        def job() -> None:
            from tqdm import tqdm

            with tqdm(total=config.steps, desc=self.out.name, unit="step") as bar:
                train_embedding(config, self.out, source, resume=True, on_step=bar.update)
            print(f"Wrote {self.out}. Give it to other methods with --embedding.")

        return job

    def _sampler(self, source: "PolicyCollection") -> Job:
        from hyperdyn.training.genhyper.configs import genhyper_run
        from hyperdyn.training.genhyper.embedding import described
        from hyperdyn.training.genhyper.training import train_genhyper

        if self.embedding is not None:
            source = described(source, self.embedding)
        config = genhyper_run(
            self.method,
            source,
            tasks=self.tasks,
            base=self.base,
            seed=self.seed,
            **self._settings(),
        )

        def job() -> None:
            from tqdm import tqdm

            with tqdm(total=sum(config.stages), desc=self.out.name, unit="step") as bar:
                train_genhyper(
                    config, self.out, source, base=self.base, resume=True, on_step=bar.update
                )
            print(f"Wrote {self.out}: a sampler of policies for {source.family}.")

        return job

    def _settings(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in _SETTINGS}
        if self.unaligned:
            given["aligned"] = False
        return {name: value for name, value in given.items() if value is not None}

    @property
    def when_interrupted(self) -> str:
        """How to go on."""
        words = ["hyperdyn", "train", "genhyper", self.method]
        words += ["--policies", str(self.policies), "--out", str(self.out)]
        words += ["--seed", str(self.seed)]
        words += ["--tasks", str(self.tasks)] if self.tasks is not None else []
        for option in ("base", "embedding"):
            if getattr(self, option) is not None:
                words += [f"--{option}", str(getattr(self, option))]
        for name in _SETTINGS:
            if name in self._settings():
                words += [f"--{name.replace('_', '-')}", str(getattr(self, name))]
        words += ["--unaligned"] if self.unaligned else []
        return f"Stopped; at most half a minute is lost. Go on with: {shlex.join(words)}"
