"""The cells of the policy tables: a trained generator, on the test specifications of its split."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hyperdyn.policies import HyPoGen, load_policy_generator
from hyperdyn.policies.generator import policy_folder
from hyperdyn.training.cells import Cell
from hyperdyn.training.policies.evaluation import generate, policy_returns, stage_errors
from hyperdyn.training.policies.reference import read_reference


@dataclass(frozen=True, kw_only=True)
class PolicyCell(Cell):
    """What both kinds of cell say.

    A cell is good wherever its model and the demonstrations stand: a digest tells which they are.
    """

    places: ClassVar[tuple[str, ...]] = ("run", "source")

    run: str
    """Run folder of the generator."""
    source: str
    """Folder of the demonstrations, or of their reference."""
    demonstrations: str
    """Digest of them."""
    split: int

    @property
    def weights(self) -> dict[str, Path]:
        """The generator."""
        return {"model": policy_folder(self.run)}


@dataclass(frozen=True, kw_only=True)
class Returns(PolicyCell):
    """Returns of the policies it writes (table 1)."""

    episodes: int
    seed: int

    @property
    def name(self) -> str:
        """By the run's folder."""
        return f"{Path(self.run).name}.returns"

    def work_out(self) -> dict[str, Any]:
        """One list an unseen specification; the expert's, too."""
        source = read_reference(self.source)
        rows = source.split(self.split)[1]
        policy = generate(load_policy_generator(self.run), source, rows)
        found = policy_returns(policy, source, rows, episodes=self.episodes, seed=self.seed)
        return {
            "specifications": source.specifications[list(rows)].tolist(),
            "returns": found.tolist(),
            "expert": source.returns[list(rows)].tolist(),
        }


@dataclass(frozen=True, kw_only=True)
class Updates(PolicyCell):
    """Errors of HyPoGen's actions before the first update and after every one (table 4)."""

    @property
    def name(self) -> str:
        """By the run's folder."""
        return f"{Path(self.run).name}.updates"

    def work_out(self) -> dict[str, Any]:
        """One list an update, a number an unseen specification."""
        source = read_reference(self.source)
        model = load_policy_generator(self.run)
        assert isinstance(model, HyPoGen)  # no other run has this cell
        return {"errors": stage_errors(model, source, source.split(self.split)[1]).tolist()}
