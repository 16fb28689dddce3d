"""MetaWorld's tasks that GenHyper uses, and their scripted experts; MetaWorld itself is no part.

Its release asks for one old MuJoCo exactly (3.3.0), but runs with current ones once the welds that
move the hand are written in their present form, which is done here.
"""

import importlib
import warnings
from typing import Any, ClassVar

import gymnasium
import mujoco
import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from hyperdyn.envs._checks import clipped_action
from hyperdyn.envs.contexts import require_options
from hyperdyn.errors import HyperdynError, require_known

SEEN = (
    *("window-open", "door-open", "drawer-open", "dial-turn"),
    *("plate-slide", "button-press", "handle-press", "faucet-close"),
)
"""The tasks that GenHyper trains on (table II)."""
UNSEEN = (
    *("drawer-close", "handle-press-side", "door-lock", "window-close"),
    *("reach-wall", "coffee-button", "button-press-wall", "faucet-open"),
)
"""Those that it is tested on (table IV)."""
_WELD = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 5.0)


class MetaWorldTask(gymnasium.Env[np.ndarray, np.ndarray]):
    """A Sawyer arm over a table: one task of MetaWorld v3, its goal in the observation.

    Observation (39): hand, gripper and objects, the same a step before, and the goal, m. Action
    (4): three of the hand's motion, in centimetres, and the gripper's force. Reward 0 to 10, as
    MetaWorld has it. 500 steps truncate an episode; success, in `info["success"]`, does not end it.
    What a reset draws is where objects and goal are. An episode whose simulation diverged ends with
    `info["diverged"]`.

    Args:
        task: Of `SEEN` or `UNSEEN`.

    Raises:
        UnknownNameError: If there is no such task.
        HyperdynError: If MetaWorld is not installed.
    """

    action_names: ClassVar[tuple[str, ...]] = ("x", "y", "z", "grip")
    horizon: ClassVar[int] = 500

    def __init__(self, task: str) -> None:
        require_known("MetaWorld task", task, (*SEEN, *UNSEEN))
        self.task = task
        kind = _library("metaworld").ALL_V3_ENVIRONMENTS[f"{task}-v3"]
        self._inner = type(kind.__name__, (kind,), {"reset_mocap_welds": _weld})()
        # As its classes with observable goals are set up, and drawing from a generator of its own.
        self._inner._partially_observable = False
        self._inner._freeze_rand_vec = False
        self._inner._set_task_called = True
        self._inner.seeded_rand_vec = True
        self._inner.__dict__.pop("sawyer_observation_space", None)
        space = self._inner.sawyer_observation_space
        self.observation_space = gymnasium.spaces.Box(space.low, space.high, dtype=np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (4,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float[np.ndarray, "39"], dict[str, Any]]:
        """Draw where objects and goal are, and put the hand at its start.

        Args:
            seed: Of all that is drawn from here on; None: go on drawing.
            options: None are known.

        Returns:
            The observation, and info with "context": the task.

        Raises:
            InputError: If there are options.
        """
        super().reset(seed=seed)
        require_options(options or {}, ())
        self._inner.np_random = self.np_random
        self._inner._did_see_sim_exception = False
        observation, _ = self._inner.reset()
        return np.array(observation), {"context": {"task": self.task}}

    def step(
        self, action: ArrayLike
    ) -> tuple[Float[np.ndarray, "39"], float, bool, bool, dict[str, Any]]:
        """Move the hand.

        Args:
            action: Four numbers in [-1, 1]; others are clipped to it first.

        Returns:
            Observation, reward, terminated, truncated, and info with "success" and "diverged".

        Raises:
            InputError: If the action has another shape, or is not finite.
        """
        clipped = clipped_action(action, self.action_names)
        observation, reward, _, truncated, info = self._inner.step(clipped)
        diverged = bool(self._inner._did_see_sim_exception)
        found = {"success": bool(info["success"]), "diverged": diverged}
        return np.array(observation), float(reward), diverged, bool(truncated), found

    def close(self) -> None:
        """Free what MetaWorld holds."""
        self._inner.close()


class ScriptedExpert:
    """MetaWorld's own policy of a task, written by hand.

    Args:
        task: Of `SEEN` or `UNSEEN`.

    Raises:
        UnknownNameError: If there is no such task.
        HyperdynError: If MetaWorld is not installed.
    """

    def __init__(self, task: str) -> None:
        require_known("MetaWorld task", task, (*SEEN, *UNSEEN))
        self._policy = _library("metaworld.policies").ENV_POLICY_MAP[f"{task}-v3"]()

    def act(self, observation: Float[np.ndarray, "39"]) -> Float[np.ndarray, "4"]:
        """An action in [-1, 1]."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that it will be clipped
            action: np.ndarray = np.asarray(self._policy.get_action(observation))
        return action.clip(-1.0, 1.0)


def _weld(env: Any) -> None:
    """Give the welds that move the hand their offset and strength, however many numbers follow."""
    model = env.model
    for index in np.flatnonzero(model.eq_type == mujoco.mjtEq.mjEQ_WELD):
        model.eq_data[index, : len(_WELD)] = _WELD


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise HyperdynError(
            f"MetaWorld is not installed ({error}). Install it without its requirements, which "
            "would replace MuJoCo by an older one: pip install imageio && pip install --no-deps "
            "metaworld==3.1.1"
        ) from error
