"""`hyperdyn demo push`: an object never met before is pushed home around obstacles, and filmed."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job
from hyperdyn.errors import HyperdynError, InputError, require_known

if TYPE_CHECKING:
    from hyperdyn.assets.objects import PushObject
    from hyperdyn.cli.push_video import PushFilm
    from hyperdyn.training.pushing.trial_configs import TrialResult

FPS = 1.5
VIDEO, PICTURE = "push.gif", "push.png"


@dataclass(frozen=True, kw_only=True)
class DemoPush(Command):
    """Push an object that no model has met to a goal, around obstacles, from one depth image.

    It is pushed five times at random, seen once by a camera at random, and then planned with.
    Writes a moving picture (push.gif) with the plan as it is predicted, the boxes found, the view
    from above as it is decoded and as it is, and the error of the prediction push by push; and its
    last frame (push.png).
    """

    positionals: ClassVar[tuple[str, ...]] = ()

    out: Path = Path("demo-push")
    """Folder for what is made."""
    object: Annotated[str | None, tyro.conf.arg(metavar="ID|FILE")] = None
    """An object (`hyperdyn objects` lists them) or a mesh of your own (OBJ, STL, OFF, PLY, GLB, a
    ShapeNet model's folder); a test object at random unless given."""
    size: float = 0.10
    """Metres that the longer horizontal side of a mesh of your own shall have."""
    model: Annotated[str, tyro.conf.arg(metavar="MODEL")] = "push"
    """A packaged pushing model, or a model's folder."""
    planner: Annotated[str, tyro.conf.arg(metavar="NAME")] = "icem"
    """How pushes are planned: paper, shooting, cem, icem or mppi."""
    seed: int = 0
    """Seed of the object, the table, the camera and the plans."""

    def prepare(self) -> Job:
        """Check names, load the model and the mesh."""
        from hyperdyn.cli.push_video import PushFilm, require_figures
        from hyperdyn.pushing import load_pusher
        from hyperdyn.training.pushing.planning import ALONE
        from hyperdyn.training.pushing.pusher import ModelPusher
        from hyperdyn.training.pushing.trial_configs import System, TrialConfig, draw_system
        from hyperdyn.training.pushing.trials import run_trial

        require_known("way of planning pushes with one model", self.planner, ALONE)
        require_figures()
        config = TrialConfig(
            task="obstacles", split="novel", preset=self.planner, trials=1, seed=self.seed
        )
        shape = None if self.object is None else _shape(self.object, self.size)
        model = load_pusher(self.model)
        self.out.mkdir(parents=True, exist_ok=True)

        def job() -> None:
            drawn, film = draw_system(config, 0), PushFilm()
            system = System(
                shape=drawn.shape if shape is None else shape,
                mass=drawn.mass,
                friction=drawn.friction,
            )
            result = run_trial(ModelPusher(model), config, 0, system=system, watcher=film)
            if result.reason:
                raise HyperdynError(f"{system.id}: {result.reason} Try another --seed.")
            _write(self.out, film, result)

        return job


def _shape(word: str, size: float) -> "PushObject":
    """An object by its id, or a mesh by its path.

    Raises:
        UnknownNameError: If it is neither; lists the ids.
        MeshError: If the mesh cannot be used.
    """
    from hyperdyn.assets.objects import OBJECTS, Treatment, load_mesh_object, load_object

    if word in OBJECTS:
        return load_object(word)
    if Path(word).exists():
        return load_mesh_object(word, treatment=Treatment(size=size))
    if Path(word).suffix or "/" in word:
        raise InputError(f"There is no mesh {word}.")
    require_known("object", word, OBJECTS)
    raise AssertionError


def _write(out: Path, film: "PushFilm", result: "TrialResult") -> None:
    import imageio

    from hyperdyn.cli.videos import write_video

    film.finish(f"{result.object}: {result.ending} after {result.pushes} pushes")
    write_video(out / VIDEO, [*film.frames, film.frames[-1], film.frames[-1]], FPS)
    imageio.imwrite(out / PICTURE, film.frames[-1])
    print(f"{result.object}: {film.boxes} boxes found, {result.pushes} pushes.")
    print(f"{result.ending.capitalize()}: {100 * result.distance:.1f} cm from the goal.")
    print(f"A plan took {1000 * result.seconds:.0f} ms.")
    errors = " ".join(f"{error:.1f}" for error in film.one_ahead)
    print(f"Error of the prediction by push, cm: {errors}")
    print(f"Wrote {out / VIDEO} and {out / PICTURE}")
