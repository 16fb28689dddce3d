"""`hyperdyn objects`: the packaged objects, and whether a mesh of yours can become one."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from hyperdyn.cli.command import Command, Job, make_room_for

if TYPE_CHECKING:
    from hyperdyn.assets.objects import PushObject


@dataclass(frozen=True, kw_only=True)
class Objects(Command):
    """List the objects to push; check a mesh of your own; draw them.

    Sizes are those of the bounding box in the resting pose; the mismatch is the volume by which
    the mesh and its convex parts differ, as a share of the mesh's.
    """

    mesh: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A mesh (OBJ, STL, OFF, PLY, GLB) or a ShapeNet model's folder, shown instead of the list."""
    size: float = 0.10
    """Metres that the longer horizontal side of that mesh shall have."""
    up: Literal["x", "y", "z"] | None = None
    """Its axis that points up; y in a ShapeNet folder and z elsewhere, unless given."""
    sheet: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Picture to write, PNG."""

    def prepare(self) -> Job:
        """Check the names and load the mesh."""
        from hyperdyn.assets.objects import OBJECTS, Treatment, load_mesh_object, load_object

        sheet = self.sheet
        if sheet is not None:
            make_room_for(sheet)
        if self.mesh is None:
            items = [load_object(name) for name in OBJECTS]
        else:
            treatment = Treatment(size=self.size, up=self.up)
            items = [load_mesh_object(self.mesh, treatment=treatment)]

        def job() -> None:
            _show(items)
            if sheet is not None:
                from hyperdyn.assets.objects.sheet import draw_sheet

                draw_sheet(sheet, items)
                print(f"Wrote {sheet}")

        return job


def _show(items: "list[PushObject]") -> None:
    from rich.console import Console
    from rich.table import Table

    from hyperdyn.assets.objects import TEST_IDS, TRAINING_IDS

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in (
        "object",
        "split",
        "size (cm)",
        "height (cm)",
        "volume (cm³)",
        "parts",
        "mismatch",
    ):
        table.add_column(name, justify="left" if name in ("object", "split") else "right")
    splits = dict.fromkeys(TRAINING_IDS, "training") | dict.fromkeys(TEST_IDS, "test")
    for item in items:
        table.add_row(
            item.id,
            splits.get(item.id, "-") if item.family != "user" else "-",
            " x ".join(f"{100 * side:.1f}" for side in item.extents[:2]),
            f"{100 * item.height:.1f}",
            f"{1e6 * item.mesh.volume:.0f}",
            str(len(item.parts)),
            f"{100 * item.mismatch:.1f} %",
        )
    console = Console(markup=False, highlight=False)
    console.print(table)
    for item in items:
        for note in item.notes:
            console.print(f"{item.id}: {note}")
