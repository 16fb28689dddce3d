"""What training and evaluation need to know of an environment: state, objective, splits."""

from collections.abc import Callable
from dataclasses import dataclass

from hyperdyn.errors import require_known
from hyperdyn.planners import ControlCost, ForwardVelocity, Objective
from hyperdyn.states import Field, StateSpace


@dataclass(frozen=True, kw_only=True)
class Task:
    """An environment as seen by a learner and a planner."""

    env_id: str
    state_space: StateSpace
    action_dim: int
    episode_steps: int
    objective: Callable[[], Objective]
    """Makes the planning objective, the environment's own reward written over trajectories."""
    progress_column: int
    """State column of the distance travelled."""
    splits: tuple[str, ...]
    """Names `reset(options={"split": …})` takes; the first is the training distribution."""


def cheetah_state_space(*, relative: bool = True) -> StateSpace:
    """The 20 observations of the half-cheetah.

    Args:
        relative: Whether networks see the root height and the centre of mass relative to the last
            state of the history. The ground looks the same wherever the robot has got to, so this
            removes what a model would else have to learn; False is the paper's form.
    """
    return StateSpace(
        (
            Field(name="root_height", relative=relative),
            Field(name="pitch"),
            Field(name="joint_angles", size=6),
            Field(name="velocity_x"),
            Field(name="velocity_z"),
            Field(name="pitch_rate"),
            Field(name="joint_velocities", size=6),
            Field(name="com_x", relative=relative),
            Field(name="com_y", relative=relative),
            Field(name="com_z", relative=relative),
        )
    )


def _cheetah_slope(env_id: str) -> Task:
    space = cheetah_state_space()
    com_x = space.slice_of("com_x").start
    return Task(
        env_id=env_id,
        state_space=space,
        action_dim=6,
        episode_steps=500,
        objective=lambda: ForwardVelocity(index=com_x, dt=0.01) + ControlCost(weight=0.05),
        progress_column=com_x,
        splits=("seen", "novel", "novel-low", "novel-high"),
    )


TASKS = {
    task.env_id: task
    for task in (
        _cheetah_slope("hyperdyn/CheetahSlope-v0"),
        _cheetah_slope("hyperdyn/CheetahSlope15m-v0"),
    )
}


def task_for(env_id: str) -> Task:
    """The task record of an environment.

    Raises:
        UnknownNameError: If there is none; lists the valid ids.
    """
    require_known("environment", env_id, TASKS)
    return TASKS[env_id]
