"""What samplers are measured against: the last expert of each of a family's test tasks."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.meta import FAMILIES
from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.genhyper import mean_policies
from hyperdyn.networks import MLPSpec
from hyperdyn.policies import GeneratedPolicy
from hyperdyn.storage import CONFIG_FILE, from_config, read_folder, to_config, write_folder
from hyperdyn.training.experts.policies import ExpertPolicies, task_folder
from hyperdyn.training.genhyper.collection import collected_by, training_digest

KIND = "expert-reference"


@dataclass(frozen=True, kw_only=True)
class ExpertReference:
    """A thousandth of what `hyperdyn collect policies` wrote, and all that measuring needs."""

    family: str
    """Such as "cheetah-vel"."""
    digest: str
    """As `PolicyCollection.digest`: of the experts that samplers learnt from."""
    network: MLPSpec
    """An actor, from O to 2 A."""
    actors: Float[Tensor, "T P"]
    """The last one of each test task, in the family's order."""

    @property
    def policies(self) -> GeneratedPolicy:
        """They, acting without noise."""
        return mean_policies(self.network, self.actors)

    def save(self, folder: str | Path) -> None:
        """Write it, to be read without the collection.

        Raises:
            CheckpointError: If it cannot be written.
        """
        config = {"family": self.family, "digest": self.digest, "network": to_config(self.network)}
        write_folder(folder, KIND, config, {"actors": self.actors})


def read_reference(folder: str | Path) -> ExpertReference:
    """Read what `ExpertReference.save` wrote, or make it from what experts were collected in.

    Raises:
        CheckpointError: If something in the folder is damaged.
        InputError: If experts of a test task are missing.
    """
    folder = Path(folder)
    if not (folder / CONFIG_FILE).exists():
        return _reference_of(folder)
    config, tensors = read_folder(folder, KIND)
    try:
        spec = from_config(MLPSpec, config["network"])
        family, digest, actors = config["family"], config["digest"], tensors["actors"]
        wanted = (len(FAMILIES[family].test), spec.num_parameters)
    except KeyError as error:
        raise CheckpointError(f"{folder} lacks {error}; copy it again.") from error
    if tuple(actors.shape) != wanted:
        raise CheckpointError(
            f"{folder} has actors of shape {tuple(actors.shape)}, and its description asks for "
            f"{wanted}; copy it again."
        )
    return ExpertReference(family=family, digest=digest, network=spec, actors=actors)


def weights_of(folder: str | Path, family: str) -> dict[str, Path]:
    """The folders whose checksums tell whether a family's experts are the same."""
    folder = Path(folder)
    if (folder / CONFIG_FILE).exists():
        return {"experts": folder}
    return {f"task-{task}": task_folder(folder, task) for task in FAMILIES[family].test}


def _reference_of(folder: Path) -> ExpertReference:
    family, sums = collected_by(folder)
    missing = set(family.test) - set(sums)
    if missing:
        raise InputError(
            f"{folder} has no experts of the test tasks {sorted(missing)}, to compare with; "
            "collect them with a preset that has all."
        )
    found = [ExpertPolicies.read(folder, task) for task in family.test]
    return ExpertReference(
        family=family.name,
        digest=training_digest(family, sums),
        network=found[0].spec,
        actors=torch.stack([own.actors[-1] for own in found]),
    )
