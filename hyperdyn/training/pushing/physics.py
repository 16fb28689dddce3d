"""How far pushed objects slide, measured and drawn.

`python -m hyperdyn.training.pushing.physics docs/pushing-physics.png` makes the figure.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hyperdyn.assets.objects import load_object
from hyperdyn.envs.pushing.base import FRICTIONS, MASSES
from hyperdyn.envs.pushing.world import TABLE_FRICTION, Physics, Placement, World
from hyperdyn.errors import HyperdynError

GRAVITY = 9.81
SHAPE = "mit-rect1"
SPEEDS = (0.05, 0.10, 0.15, 0.20)  # m/s
PUSHES = (0.03, 0.04, 0.05, 0.06)  # m
_STILL = 1e-3  # m/s
_LONGEST = 4.0  # s
_START = -0.25  # m: far enough from the other edge
_ROD_GAP = 0.001  # m, between the rod and the object


def slide_distance(world: World, speed: float, friction: float) -> float:
    """How far an object slides that is let go at a speed; m.

    Args:
        world: Where.
        speed: At the beginning, m/s.
        friction: The object's coefficient.
    """
    _put(world, float(np.mean(MASSES)), friction, np.array([0.25, 0.25]))
    for _ in range(world.physics.steps):
        world.call("stepSimulation")
    start = world.object_state()[0]
    world.call("resetBaseVelocity", world.bodies[0], [speed, 0.0, 0.0], [0.0, 0.0, 0.0])
    _let_slide(world)
    return float(world.object_state()[0] - start)


def push_distance(
    world: World, push: float, mass: float, friction: float
) -> tuple[float, float, float]:
    """What a push through the centre of mass does.

    Args:
        world: Where.
        push: Displacement of the rod, which begins beside the object, m.
        mass: The object's.
        friction: The object's coefficient.

    Returns:
        How far the object is after 0.8 s (m), its speed then (m/s), and where it comes to rest (m).
    """
    shape = load_object(SHAPE)
    beside = _START - shape.extents[0] / 2 - 0.008 - _ROD_GAP
    _put(world, mass, friction, np.array([beside, 0.0]))
    world.push(np.array([push, 0.0]))
    state = world.object_state()
    _let_slide(world)
    return (
        float(state[0] - _START),
        float(state[7]),
        float(world.object_state()[0] - _START),
    )


def draw(file: Path) -> None:
    """Measure, and write the figure.

    Raises:
        HyperdynError: If matplotlib is not installed; names the extra.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise HyperdynError("Figures need: pip install 'hyperdyn-toolkit[view]'.") from error

    world = World(Physics())
    figure = Figure(figsize=(13, 4), layout="constrained")
    free, masses, frictions = figure.subplots(1, 3)
    for friction in (FRICTIONS[0], float(np.mean(FRICTIONS)), FRICTIONS[1]):
        found = [slide_distance(world, speed, friction) for speed in SPEEDS]
        (line,) = free.plot(SPEEDS, 100 * np.array(found), "o", label=f"friction {friction:.1e}")
        speeds = np.linspace(0, SPEEDS[-1])
        law = speeds**2 / (2 * TABLE_FRICTION * friction * GRAVITY)
        free.plot(speeds, 100 * law, color=line.get_color(), linewidth=1)
    free.set(title="let go (lines: v²/2µg)", xlabel="speed, m/s", ylabel="slides, cm")
    for mass in np.linspace(*MASSES, 3):
        rows = [push_distance(world, push, float(mass), 1e-3) for push in PUSHES]
        after, _, rest = 100 * np.array(rows).T
        (line,) = masses.plot(100 * np.array(PUSHES), after, "o-", label=f"mass {mass:.0f}")
        masses.plot(100 * np.array(PUSHES), rest, "s--", color=line.get_color())
    masses.set(title="pushed (solid: after 0.8 s, dashed: at rest)", xlabel="push, cm")
    for mass in np.linspace(*MASSES, 3):
        values = np.linspace(*FRICTIONS, 3)
        rows = [push_distance(world, 0.05, float(mass), float(value)) for value in values]
        after, _, rest = 100 * np.array(rows).T
        (line,) = frictions.plot(1e4 * values, after, "o-", label=f"mass {mass:.0f}")
        frictions.plot(1e4 * values, rest, "s--", color=line.get_color())
    frictions.set(title="pushed 5 cm", xlabel="friction, 1e-4")
    for axes in (free, masses, frictions):
        axes.set_ylim(bottom=0)
        axes.legend()
    world.close()
    figure.savefig(file, dpi=110)


def _put(world: World, mass: float, friction: float, rod: np.ndarray) -> None:
    shape = load_object(SHAPE)
    world.arrange(
        [Placement(shape=shape, mass=mass, friction=friction, position=(_START, 0.0), yaw=0.0)]
    )
    world.place_rod(rod)


def _let_slide(world: World) -> None:
    for _ in range(round(_LONGEST / world.physics.time_step)):
        if np.linalg.norm(world.object_state()[7:9]) < _STILL:
            return
        world.call("stepSimulation")


def main(words: Sequence[str]) -> int:
    """Draw the figure into the file that is named."""
    if len(words) != 1:
        print("usage: python -m hyperdyn.training.pushing.physics FILE.png", file=sys.stderr)
        return 2
    draw(Path(words[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
