"""The pushing demo's pictures: the table, what was seen, what is predicted, how far off it is."""

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, UInt8

from hyperdyn.envs.pushing import Camera
from hyperdyn.envs.pushing.layout import GOAL_RADIUS
from hyperdyn.errors import HyperdynError
from hyperdyn.pushing.state import POSITION, turned_by
from hyperdyn.training.pushing.trials import Scene, Step, Watcher

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 560, 420
"""Of the picture of the table, pixels."""
COLUMNS, ROWS, DPI = 900, 468, 90
"""Of a frame."""
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / 2
_EDGES = [
    (a, b)
    for a in range(8)
    for b in range(a + 1, 8)
    if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 1
]


@dataclass
class PushFilm(Watcher):
    """One picture a push: the plan it begins, and how far off those before it were."""

    frames: "list[UInt8[np.ndarray, 'h w 3']]" = field(default_factory=list)
    one_ahead: list[float] = field(default_factory=list)
    """Distance between where each push left the object and where it was predicted, cm."""
    since_start: list[float] = field(default_factory=list)
    """The same for a prediction that begins with the first state and never looks again."""
    boxes: int = 0
    """Boxes found."""

    def begins(self, scene: Scene) -> None:
        """Remember what was seen."""
        self._scene = scene
        self._states, self._actions = [scene.state], list[torch.Tensor]()
        self._true_view = true_view(scene)
        self.boxes = 1 + len(scene.survey.others)
        self._picture = _picture(scene)

    def pushed(self, step: Step) -> None:
        """Draw the plan over the table as it was before the push; then see what became of it."""
        scene = self._scene
        self.frames.append(self._draw(step.predicted[:, POSITION].numpy()))
        self._actions.append(step.action)
        self._states.append(step.state)
        blind = scene.dynamics.rollout(scene.state, torch.stack(self._actions, dim=1)[:, None])
        truth = step.state[0, POSITION][:2]
        for errors, predicted in (
            (self.one_ahead, step.predicted[1]),
            (self.since_start, blind[0, 0, -1]),
        ):
            errors.append(100 * float((predicted[POSITION][:2] - truth).norm()))
        self._picture = _picture(scene)

    def finish(self, words: str) -> None:
        """Draw the end."""
        self.frames.append(self._draw(None, words))

    def _draw(
        self, path: Float[np.ndarray, "T 3"] | None, words: str = ""
    ) -> UInt8[np.ndarray, "h w 3"]:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(COLUMNS / DPI, ROWS / DPI), dpi=DPI, layout="constrained")
        grid = figure.add_gridspec(2, 3, width_ratios=[3.2, 1, 1])
        table, seen, true = (
            figure.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[0, 2])
        )
        self._draw_table(table, path)
        table.set_title(words or f"push {len(self.one_ahead) + 1}: the plan, as it is predicted")
        for axes, view, title in (
            (seen, self._scene.survey.from_above[0].numpy(), "seen: decoded"),
            (true, self._true_view, "from above: true"),
        ):
            axes.imshow(view, cmap="viridis", vmin=0, vmax=1)
            axes.set(title=title, xticks=[], yticks=[])
        self._draw_errors(figure.add_subplot(grid[1, 1:]))
        buffer = io.BytesIO()
        figure.savefig(buffer, format="rgba", dpi=DPI)
        return np.frombuffer(buffer.getvalue(), np.uint8).reshape(ROWS, COLUMNS, 4)[..., :3].copy()

    def _draw_table(self, axes: "Axes", path: Float[np.ndarray, "T 3"] | None) -> None:
        scene = self._scene
        axes.imshow(self._picture)
        angles = np.linspace(0, 2 * np.pi, 60)
        ring = np.stack((np.cos(angles), np.sin(angles), 0 * angles), axis=1) * GOAL_RADIUS
        ring += (*scene.goal, 0.0)
        _line(axes, ring, color="limegreen", linewidth=2, label="goal")
        boxes = [scene.survey.own, *scene.survey.others]
        for number, box in enumerate(boxes):
            corners = box[:3].numpy() + _CORNERS * box[3:].numpy()
            for a, b in _EDGES:
                colour = "deepskyblue" if number == 0 else "crimson"
                _line(axes, corners[[a, b]], color=colour, linewidth=0.8, alpha=0.8)
        walked = torch.cat(self._states)[:, POSITION].numpy()
        _line(axes, walked, color="dimgray", linewidth=1.5, label="where it was")
        if path is not None:
            _line(axes, path, color="orange", marker="o", markersize=3, label="predicted")
        axes.legend(loc="lower left", fontsize=7)
        axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0), xticks=[], yticks=[])

    def _draw_errors(self, axes: "Axes") -> None:
        pushes = np.arange(1, len(self.one_ahead) + 1)
        axes.bar(pushes, self.one_ahead, color="orange", label="one push ahead")
        axes.plot(pushes, self.since_start, "k.-", label="from the start, never looking")
        axes.set(
            title="error of the prediction, cm",
            xlabel="push",
            xlim=(0.4, max(8, len(pushes)) + 0.6),
            ylim=(0, max(4.0, *self.one_ahead, *self.since_start, 0.0)),
        )
        axes.legend(fontsize=7)


def true_view(scene: Scene) -> Float[np.ndarray, "h w"]:
    """The object from straight above, as it lay when it was seen."""
    size = scene.survey.from_above.shape[-1]
    yaw = float(turned_by(scene.state)[0])
    return scene.env.world.shapes[0].footprint(size, scene.survey.extent, yaw=yaw).astype(float)


def require_figures() -> None:
    """Refuse to film without the libraries that draw.

    Raises:
        HyperdynError: Naming the extra.
    """
    try:
        import imageio  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise HyperdynError("The film needs: pip install 'hyperdyn-toolkit[view]'.") from error


def _camera() -> Camera:
    return Camera(azimuth=0.0, distance=0.8, width=WIDTH, height=HEIGHT)


def _picture(scene: Scene) -> UInt8[np.ndarray, "h w 3"]:
    return scene.env.view(_camera()).rgb


def _line(axes: "Axes", points: Float[np.ndarray, "n 3"], **style: object) -> None:
    """Draw a line through points of the world, m."""
    camera = _camera()
    seen = (points - camera.position) @ camera.pose[:3, :3] @ camera.intrinsics.T
    columns, rows = (seen[:, :2] / seen[:, 2:]).T
    axes.plot(columns, rows, **style)  # type: ignore[arg-type]
