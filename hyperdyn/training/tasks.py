"""What training and evaluation need to know of an environment: state, objective, splits, truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hyperdyn.envs.suite.grids import GRIDS, LENGTH, Grid
from hyperdyn.errors import require_known
from hyperdyn.planners import ControlCost, ForwardVelocity, Objective
from hyperdyn.states import Field, StateSpace
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.suite_states import BODIES, MEASURES, SuiteReward, suite_state_space
from hyperdyn.training.truths import (
    Context,
    Expert,
    TruthAt,
    body,
    contexts_in_force,
    groups,
    pier,
    slope,
)


@dataclass(frozen=True, kw_only=True)
class Robot:
    """What the tasks of a robot share."""

    state_space: StateSpace
    actions: tuple[str, ...]
    """The joint of each action."""
    time_step: float
    """Seconds a step."""
    control_cost: float
    """Weight of the squared action in the reward."""

    def objective(self) -> Objective:
        """The reward written over trajectories, but for what is the same for all (`ALIVE`)."""
        velocity = ForwardVelocity(
            index=self.state_space.slice_of("com_x").start, dt=self.time_step
        )
        return velocity + ControlCost(weight=self.control_cost) if self.control_cost else velocity


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
    """State column of the distance travelled; of the suite's tasks, of the velocity wanted."""
    splits: tuple[str, ...]
    """Names `reset(options={"split": …})` takes; the first is the training distribution."""
    truth_at: TruthAt
    """The true properties, from a context, at places along the way: for oracles alone."""
    experts: tuple[Expert, ...]
    """Systems evenly spaced over the training range, at most five."""

    def truth(
        self, contexts: Sequence[Context], states: Float[Tensor, "E S"]
    ) -> Float[Tensor, "E Q"]:
        """The true properties that each of E systems meets where it is.

        Args:
            contexts: What each is like now: an environment's `info["context"]` as JSON values.
            states: Where each is.
        """
        places = states[:, self.progress_column]
        pairs = zip(contexts, places, strict=True)
        return torch.cat([self.truth_at(context, place[None]) for context, place in pairs])

    def truths(self, episodes: Episodes) -> Float[Tensor, "B _ Q"]:
        """`truth` at every state of recorded episodes."""
        rows = []
        for states, context in zip(episodes.states, episodes.contexts, strict=True):
            places = states[:, self.progress_column]
            rows.append(torch.cat(contexts_in_force(self.truth_at, context, places)))
        return torch.stack(rows)


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


def ant_state_space(*, relative: bool = True) -> StateSpace:
    """The 30 observations of the ant.

    Its orientation is a unit quaternion, and stands here as a plain vector of four numbers: changes
    add up, and predicted orientations may leave the unit sphere by a little over a horizon. As a
    field of kind "quaternion" they could not, but a state space that is not additive leaves the
    compiled rollouts, and planning would be several times slower. The objective never reads it.

    Args:
        relative: As `cheetah_state_space`.
    """
    return StateSpace(
        (
            Field(name="root_height", relative=relative),
            Field(name="orientation", size=4),
            Field(name="joint_angles", size=8),
            Field(name="velocity", size=3),
            Field(name="turning_rate", size=3),
            Field(name="joint_velocities", size=8),
            Field(name="com_x", relative=relative),
            Field(name="com_y", relative=relative),
            Field(name="com_z", relative=relative),
        )
    )


CHEETAH = Robot(
    state_space=cheetah_state_space(),
    actions=("bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"),
    time_step=0.01,
    control_cost=0.05,
)
ANT = Robot(
    state_space=ant_state_space(),
    actions=tuple(f"{joint}{leg}" for leg in (4, 1, 2, 3) for joint in ("hip", "ankle")),
    time_step=0.02,
    control_cost=0.0,
)
NOVEL = ("seen", "novel", "novel-low", "novel-high")
RANGES = ("seen", "moderate", "extreme")
SIDES = ("moderate-low", "moderate-high", "extreme-low", "extreme-high")
LEGS = tuple(("hip" + leg, "ankle" + leg) for leg in "123")


def _task(
    name: str,
    robot: Robot,
    splits: tuple[str, ...],
    told: tuple[TruthAt, tuple[Expert, ...]],
) -> Task:
    truth_at, experts = told
    return Task(
        env_id=f"hyperdyn/{name}-v0",
        state_space=robot.state_space,
        action_dim=len(robot.actions),
        episode_steps=500,
        objective=robot.objective,
        progress_column=robot.state_space.slice_of("com_x").start,
        splits=splits,
        truth_at=truth_at,
        experts=experts,
    )


def _none_or_one(actions: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return ((), *((name,) for name in actions))


TASKS = {
    task.env_id: task
    for task in (
        _task("CheetahSlope", CHEETAH, NOVEL, slope()),
        _task("CheetahSlope15m", CHEETAH, NOVEL, slope()),
        _task("AntSlope", ANT, NOVEL, slope()),
        _task("CheetahPier", CHEETAH, NOVEL, pier()),
        _task("AntPier", ANT, NOVEL, pier()),
        _task("CheetahBody", CHEETAH, (*RANGES, *SIDES), body(0.75, 1.25)),
        _task("AntBody", ANT, RANGES, body(0.85, 1.0)),
        _task(
            "CheetahCrippled",
            CHEETAH,
            RANGES,
            groups("crippled", CHEETAH.actions, [(name,) for name in CHEETAH.actions[:4]]),
        ),
        _task("AntCrippled", ANT, RANGES, groups("crippled", ANT.actions, LEGS)),
        _task(
            "CheetahFlip",
            CHEETAH,
            RANGES,
            groups("signs", CHEETAH.actions, _none_or_one(CHEETAH.actions), on=-1.0, off=1.0),
        ),
        _task(
            "AntFlip",
            ANT,
            RANGES,
            groups("signs", ANT.actions, _none_or_one(ANT.actions), on=-1.0, off=1.0),
        ),
    )
}
"""Of locomotion."""


def _length_at(context: Context, places: Float[Tensor, " T"]) -> Float[Tensor, "T Q"]:
    return torch.full((len(places), 1), float(context[LENGTH]))


def _suite_task(grid: Grid) -> Task:
    """A task of the control suite; what is hidden is the length, for the target is in the state."""
    name = grid.task.split("-")[0]
    kind, space = BODIES[name], suite_state_space(name)
    varied = dict(zip(grid.names, grid.axes, strict=True))
    lengths = varied.get(LENGTH, (kind.default_length,))
    places = range(5) if LENGTH in varied else range(1)
    chosen = [lengths[place * (len(lengths) - 1) // 4] for place in places]
    return Task(
        env_id=grid.env_id,
        state_space=space,
        action_dim=len(kind.action_names),
        episode_steps=1000,
        objective=lambda: SuiteReward(name),
        progress_column=space.slice_of(MEASURES).start,
        splits=kind.splits,
        truth_at=_length_at,
        experts=tuple(
            Expert(truth=(value,), options={LENGTH: (value,)} if LENGTH in varied else {})
            for value in chosen
        ),
    )


SUITE_TASKS = {grid.env_id: _suite_task(grid) for grid in GRIDS.values()}
"""Of the control suite."""


def task_for(env_id: str) -> Task:
    """The task record of an environment.

    Raises:
        UnknownNameError: If there is none; lists the valid ids.
    """
    known = TASKS | SUITE_TASKS
    require_known("environment", env_id, known)
    return known[env_id]
