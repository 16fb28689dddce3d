"""The locomotion tasks on one page.

`python -m hyperdyn.training.locomotion_sheet docs/locomotion.png` makes the picture.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from jaxtyping import UInt8

from hyperdyn.envs import make
from hyperdyn.errors import HyperdynError

SHOWN: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("Slope", {"split": "novel-high"}, "heights of the segments"),
    ("Pier", {"split": "seen"}, "damping and friction of the blocks"),
    ("Body", {"split": "extreme"}, "mass and damping of the body; dark is heavy"),
    ("Crippled", {"split": "extreme"}, "joints that are stuck, red"),
    ("Flip", {"split": "extreme"}, "motors that turn the wrong way, blue"),
)
ROBOTS = ("Cheetah", "Ant")
STEPS = {"Cheetah": 90, "Ant": 60}
SIZE = (480, 270)


def draw_sheet(file: Path) -> None:
    """Draw every robot on every task, some steps into an episode, and write the page.

    Args:
        file: Where to; its name says the format.

    Raises:
        HyperdynError: If matplotlib is not installed; names the extra.
        RenderingUnavailableError: If there is no off-screen OpenGL on this machine.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise HyperdynError("Figures need: pip install 'hyperdyn-toolkit[view]'.") from error

    figure = Figure(figsize=(9.0, 13.2), layout="constrained")
    rows = figure.subplots(len(SHOWN), len(ROBOTS))
    for row, (task, options, hidden) in zip(rows, SHOWN, strict=True):
        for place, robot in zip(row, ROBOTS, strict=True):
            name = f"hyperdyn/{robot}{task}-v0"
            place.imshow(_picture(name, options, STEPS[robot]))
            place.set_title(f"{name}\n{hidden}", fontsize=9)
            place.axis("off")
    figure.savefig(file, dpi=100)


def _picture(name: str, options: dict[str, Any], steps: int) -> UInt8[np.ndarray, "height width 3"]:
    env: gymnasium.Env[Any, Any] = make(
        name, render_mode="rgb_array", width=SIZE[0], height=SIZE[1]
    )
    rng = np.random.default_rng(1)
    env.reset(seed=3, options=options)
    for step in range(steps):
        if step % 10 == 0:
            action = 0.5 * rng.uniform(-1, 1, env.action_space.shape)
        env.step(action)
    picture = env.render()
    env.close()
    return np.asarray(picture)


def main(words: Sequence[str]) -> None:
    """Draw the page into the file that is named.

    Raises:
        HyperdynError: If no file, or more than one, is named.
    """
    if len(words) != 1:
        raise HyperdynError("Name one file to draw: ... locomotion_sheet docs/locomotion.png")
    draw_sheet(Path(words[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
