"""The demo's figure: predicted against actual motion as the history fills."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hyperdyn.model import DynamicsGenerator
    from hyperdyn.training.episodes import Episodes
    from hyperdyn.training.tasks import Task
    from hyperdyn.training.windows import Windows

HORIZON = 20
STYLES = {"seen": "-", "novel-low": ":", "novel-high": "--"}


def draw_predictions(
    file: Path,
    task: "Task",
    models: "Mapping[str, DynamicsGenerator]",
    episodes: "Mapping[str, Episodes]",
) -> None:
    """Draw and write the figure.

    Left: one moment on unseen ground, the path the body took in the next 20 steps and the paths
    predicted by models generated from ever more of the history. Right: the mean error of the
    distance travelled in 20 steps over the steps watched, for every model.

    Args:
        file: Picture to write.
        task: Where the columns are.
        models: Generators by name; the left panel shows the first.
        episodes: Recorded episodes by split; the left panel uses the last split.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    from hyperdyn.training.prediction import fixed_windows

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    length = max(model.history_length for model in models.values())
    windows = {
        split: fixed_windows(recorded, length, HORIZON, task)
        for split, recorded in episodes.items()
    }
    _draw_paths(left, task, next(iter(models.items())), [*windows.items()][-1])
    _draw_errors(right, task, models, windows, length)
    figure.savefig(file, dpi=110)
    pyplot.close(figure)


def _draw_paths(
    axes: "Axes",
    task: "Task",
    named: "tuple[str, DynamicsGenerator]",
    data: "tuple[str, list[Windows]]",
) -> None:
    from hyperdyn.training.prediction import partly_watched

    (name, model), (split, windows) = named, data
    x, z = task.progress_column, task.state_space.slice_of("com_z").start
    # The moment of an episode with the longest way ahead, so that there is motion to predict.
    window = windows[0]
    row = int((window.states[:, -1, x] - window.states[:, 0, x]).argmax())
    actual = 100 * (window.states[row] - window.states[row, 0])
    length = model.history_length
    for watched in (0, length // 4, length // 2, length):
        history = partly_watched(model, window.history[row], watched)
        told = None if window.truth is None else window.truth[row][None]
        path = model.generate(history, truth=told).rollout(
            window.states[[row], 0], window.actions[row][None, None]
        )[0, 0]
        moved = 100 * (path - path[0])
        axes.plot(
            moved[:, x],
            moved[:, z],
            color=(0.85 - 0.75 * watched / length,) * 2 + (0.9,),
            label=f"predicted, {watched} of {length} steps watched",
        )
    axes.plot(actual[:, x], actual[:, z], "k", linewidth=2.5, label="actual")
    axes.set(
        xlabel="forward (cm)",
        ylabel="up (cm)",
        title=f"The next {HORIZON} steps of the body, {split} ground ({name})",
    )
    axes.legend(fontsize=8)


def _draw_errors(
    axes: "Axes",
    task: "Task",
    models: "Mapping[str, DynamicsGenerator]",
    windows: "Mapping[str, list[Windows]]",
    length: int,
) -> None:
    import torch

    from hyperdyn.training.prediction import prediction_error

    steps = [n for n in (0, 1, 2, 4, 6, 8, 12, 16, 24, 32) if n < length] + [length]
    scale = torch.ones(task.state_space.dim)
    for number, (name, model) in enumerate(models.items()):
        for split, data in windows.items():
            errors = [
                prediction_error(model, data, scale, task.progress_column, watched).open_loop
                for watched in steps
            ]
            axes.plot(
                steps,
                [100 * float(error.mean()) for error in errors],
                STYLES.get(split, "-."),
                color=f"C{number}",
                label=f"{name}, {split}",
            )
    axes.set(
        xlabel="steps watched (the rest of the history blanked)",
        ylabel="error (cm)",
        title=f"Distance travelled in {HORIZON} steps: mean error",
    )
    axes.legend(fontsize=8)
