"""Prediction error on one fixed data set, the same windows for every model."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.history import History
from hyperdyn.model import DynamicsGenerator
from hyperdyn.planners import Planner
from hyperdyn.training.collect import PlanningAgent, run_episodes
from hyperdyn.training.episodes import Episodes, concatenate
from hyperdyn.training.evaluation import resets_for
from hyperdyn.training.seeds import torch_generator
from hyperdyn.training.tasks import Task
from hyperdyn.training.windows import Windows, WindowSampler

STRIDE = 5
"""Steps between the windows of an episode."""


@dataclass(frozen=True, kw_only=True)
class PredictionError:
    """Errors of one model, one number an episode."""

    one_step: Float[Tensor, " B"]
    """Mean squared error of the next change, each column in units of its standard deviation."""
    open_loop: Float[Tensor, " B"]
    """Mean absolute error of the distance travelled in `horizon` steps, in metres."""


def collect_fixed(
    task: Task,
    drivers: Sequence[DynamicsGenerator],
    split: str,
    *,
    episodes: int,
    seed: int,
    planner: Planner,  # type: ignore[type-arg]
) -> Episodes:
    """Record the data set: every driver plans through the same held-out systems.

    The paper's Table 6 uses one set collected by the converged HyperDynamics; several drivers keep
    the set from favouring the states that one of the models visits.

    Args:
        task: Environment.
        drivers: Generators that plan.
        split: Where the systems come from.
        episodes: Episodes for each driver.
        seed: Seed of systems and plans; never that of a training run's episodes.
        planner: Plans with the generated models.

    Returns:
        drivers × episodes recorded episodes.
    """
    parts = []
    for number, driver in enumerate(drivers):
        stream = (seed, "fixed-data", task.splits.index(split), number)
        generator = torch_generator(*stream, device=driver.device)
        agent = PlanningAgent(driver, planner, task.objective(), generator)
        resets = resets_for(task, split, episodes, seed)
        parts.append(run_episodes(task.env_id, agent, resets, task.episode_steps))
    return concatenate(parts)


def fixed_windows(
    episodes: Episodes, history_length: int, horizon: int, task: Task | None = None
) -> list[Windows]:
    """Every `STRIDE`-th window of each episode; given the task, with the truth for oracles."""
    windows = []
    for row in range(len(episodes)):
        episode = episodes[[row]]
        truths = None if task is None else task.truths(episode)
        sampler = WindowSampler(episode, history_length, horizon, truths)
        windows.append(sampler[torch.arange(0, len(sampler), STRIDE)])
    return windows


def change_scale(episodes: Episodes) -> Float[Tensor, " S"]:
    """Standard deviation of each column's change over a data set; infinite where there is none."""
    parts = [
        episodes.states[row, : int(length) + 1].diff(dim=0)
        for row, length in enumerate(episodes.lengths)
    ]
    std = torch.cat(parts).double().std(0)
    return torch.where(std < 1e-6, torch.inf, std).float()


@torch.no_grad()
def prediction_error(
    model: DynamicsGenerator,
    windows: Sequence[Windows],
    scale: Float[Tensor, " S"],
    column: int,
    watched: int | None = None,
) -> PredictionError:
    """Errors of one model over the windows of each episode.

    Args:
        model: Generates one model a window.
        windows: One element an episode.
        scale: Units of the one-step error, as `change_scale` gives them.
        column: State column of the distance travelled.
        watched: Steps of the history that the model is shown; see `partly_watched`. All by default.
    """
    one_step, open_loop = [], []
    for window in windows:
        history = window.history
        if watched is not None:
            history = partly_watched(model, history, watched)
        dynamics = model.generate(history, truth=window.truth)
        trajectory = dynamics.rollout(window.states[:, 0], window.actions[:, None])
        error = trajectory[:, 0] - window.states
        one_step.append((error[:, 1] / scale).square()[:, scale.isfinite()].mean())
        open_loop.append(error[:, -1, column].abs().mean())
    return PredictionError(one_step=torch.stack(one_step), open_loop=torch.stack(open_loop))


def partly_watched(model: DynamicsGenerator, history: History, watched: int) -> History:
    """A history of which only the last `watched` steps carry information.

    The steps before them become the mean of the training data, which is zero to the encoder.
    """
    hidden = history.states.shape[1] - watched
    states, actions = history.states.clone(), history.actions.clone()
    anchor = model.anchor(history.states)
    states[:, :hidden] = (anchor + model.normaliser.state_mean)[:, None]
    actions[:, :hidden] = model.normaliser.action_mean
    return History(states, actions)
