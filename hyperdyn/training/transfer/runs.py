"""The runs of a study: samplers that were trained, and actors of theirs that were tuned."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperdyn.errors import InputError
from hyperdyn.policies.generator import policy_folder
from hyperdyn.storage import is_written, read_header
from hyperdyn.training.run_folder import RUN_FILE
from hyperdyn.training.transfer.reference import read_reference
from hyperdyn.training.tuning.tuned import Tuned, tuned_folder


@dataclass(frozen=True)
class Experts:
    """Where experts stand."""

    folder: Path
    family: str
    """Such as "cheetah-vel"."""
    digest: str
    """Of its training tasks."""


@dataclass(frozen=True, kw_only=True)
class SamplerRun:
    """A finished run of `hyperdyn train genhyper`."""

    folder: Path
    method: str
    """Such as "hyplatent-latent", or "hypformer on hyplatent-latent"."""
    family: str
    """Of the experts it learnt from."""
    tasks: int
    """Training tasks."""
    seed: int
    model: str
    """Checksum."""

    @property
    def refines(self) -> bool:
        """Whether it makes one policy of several samples."""
        return self.method.startswith("hypformer")


@dataclass(frozen=True, kw_only=True)
class TunedRun:
    """A finished run of `hyperdyn train genhyper-tuning`."""

    name: str
    """Of its folder."""
    tuned: Tuned
    settings: dict[str, Any]
    """How the actors were learnt on; empty from scratch."""


def read_experts(folders: Sequence[Path]) -> dict[str, Experts]:
    """Experts by the digest of what samplers learn from.

    Args:
        folders: What `hyperdyn collect policies` wrote, or references of it.

    Raises:
        InputError: If a folder lacks a test task's experts, or two are of one family.
        CheckpointError: If one cannot be read.
    """
    found: dict[str, Experts] = {}
    for folder in folders:
        source = read_reference(folder)
        if any(other.family == source.family for other in found.values()):
            raise InputError(f"Two folders of experts of {source.family} were given; name one.")
        found[source.digest] = Experts(folder, source.family, source.digest)
    return found


def read_samplers(study: Path, experts: Mapping[str, Experts]) -> list[SamplerRun]:
    """Finished samplers of a study that learnt from these experts, by family and method."""
    found = []
    for file in sorted(study.glob(f"*/{RUN_FILE}")):
        folder = file.parent
        config = json.loads(file.read_text()).get("config", {})
        source = experts.get(config.get("policies", ""))
        if source is None or not is_written(policy_folder(folder)):
            continue
        found.append(
            SamplerRun(
                folder=folder,
                method=_method(config["kind"], config["model"]),
                family=source.family,
                tasks=len(config["tasks"]),
                seed=config["seed"],
                model=str(read_header(policy_folder(folder))["sha256"]),
            )
        )
    return sorted(found, key=lambda run: (run.family, run.tasks, run.method, run.seed))


def read_tuned(study: Path) -> list[TunedRun]:
    """Finished runs of fine-tuning, by name."""
    found = []
    for folder in sorted(path for path in study.iterdir() if is_written(tuned_folder(path))):
        config = json.loads((folder / RUN_FILE).read_text())["config"]
        tuned = Tuned.read(folder)
        found.append(TunedRun(name=folder.name, tuned=tuned, settings=config["tuning"] or {}))
    return found


def _method(kind: str, sizes: Mapping[str, Any]) -> str:
    if kind == "hypformer":
        return f"hypformer on {_method(sizes['base_kind'], sizes['base'])}"
    if kind == "hyplatent":
        return f"hyplatent-{'latent' if sizes['latent'] else 'weight'}"
    return kind
