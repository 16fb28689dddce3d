"""`hyperdyn tables`: the papers' tables, from trained models, with intervals."""

from dataclasses import dataclass
from typing import ClassVar

from hyperdyn.cli.command import Command, Job
from hyperdyn.cli.tables_genhyper import TablesGenhyper
from hyperdyn.cli.tables_goalnet import TablesGoalnet
from hyperdyn.cli.tables_locomotion import TablesLocomotion
from hyperdyn.cli.tables_policies import TablesPolicies
from hyperdyn.cli.tables_push import TablesPush
from hyperdyn.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Tables(Command):
    """Make the papers' tables from trained models, with intervals, on a page and as JSON."""

    commands: ClassVar[dict[str, type[Command]]] = {
        "push": TablesPush,
        "locomotion": TablesLocomotion,
        "policies": TablesPolicies,
        "goalnet": TablesGoalnet,
        "genhyper": TablesGenhyper,
    }
    """The studies; a new one is a new entry here."""

    def prepare(self) -> Job:
        """Never asked for by itself.

        Raises:
            InputError: Always.
        """
        raise InputError(f"Say which study: hyperdyn tables {' | '.join(self.commands)}.")
