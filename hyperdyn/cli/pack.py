"""`hyperdyn pack`: a study made small enough to be handed on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job
from hyperdyn.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Pack(Command):
    """Copy a study's finished runs without checkpoints and data, to be handed on or packaged.

    Tables are made of the copy as of the study: give it as --runs or --models, and what stands in
    its `references` in place of demonstrations and experts.
    """

    positionals: ClassVar[tuple[str, ...]] = ("study",)

    study: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY")]
    """Folder of run folders, such as `hyperdyn train policy --study` wrote."""
    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Where to; what stands there under other names stays."""
    references: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FOLDER")] = ()
    """What the runs learnt from, demonstrations or collected experts: a hundredth is copied."""

    def prepare(self) -> Job:
        """Look for the study."""
        from hyperdyn.training.packing import finished_folders, pack, require_names

        if self.out.resolve() == self.study.resolve():
            raise InputError(f"{self.out} is the study itself; name another folder with --out.")
        runs = finished_folders(self.study)
        require_names(self.references)
        lost = [str(folder) for folder in self.references if not folder.is_dir()]
        if lost:
            raise InputError(
                f"There is no folder {', '.join(lost)}; name what the runs learnt from."
            )

        def job() -> None:
            written = pack(runs, self.out, self.references)
            size = sum(file.stat().st_size for to in written for file in to.rglob("*"))
            print(f"Wrote {len(written)} folders to {self.out}, {size / 1e6:.1f} MB.")

        return job
