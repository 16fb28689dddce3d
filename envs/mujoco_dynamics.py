"""True simulators as dynamics: MuJoCo models that any planner can plan with."""

import copy
import threading
from collections.abc import Sequence

import mujoco
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from mujoco.rollout import Rollout
from torch import Tensor

from hyperdyn.dynamics import SteppingDynamics
from hyperdyn.envs.mujoco_warnings import divergence_unsaid
from hyperdyn.envs.simulation import without_resets
from hyperdyn.envs.state_view import StateView, WholeState
from hyperdyn.errors import InputError

CHUNK_BYTES = 4 * 2**20
"""Memory for the simulator's own record of a part of the candidates, whatever their number."""

FULL = mujoco.mjtState.mjSTATE_FULLPHYSICS.value


class MujocoDynamics(SteppingDynamics):
    """E MuJoCo models behind the `Dynamics` protocol, stepped in threads with the GIL released.

    A state is `qpos`, `qvel` and, where actuators have any, `act`, unless a view says otherwise;
    an action is `ctrl`, clamped by MuJoCo to the actuators' ranges and held for `frame_skip` steps
    of the simulator. MuJoCo computes in float64; results have the type of the states given, and
    carry no gradient. They do not depend on the number of threads.

    From the simulator step on that diverged, all states are NaN. Diverged is a step that leaves
    the bounds or raises any of MuJoCo's warnings (a NaN or a huge number in position, velocity,
    acceleration or control; no memory left for contacts). MuJoCo's own answer, a silent reset to
    the start, is switched off.

    Args:
        models: One a system; copied. They differ in numbers (masses, heights), not in sizes.
        frame_skip: Simulator steps an action lasts.
        threads: Of the simulator, kept from call to call.
        view: What a planner sees of the simulator's state; None: all of it.
        position_bound: Magnitude beyond which `qpos` has diverged: one for all, or nq.
        velocity_bound: Magnitude beyond which `qvel` has diverged: one for all, or nv.

    Raises:
        InputError: If there is no model, their sizes differ or they have state that is not listed
            above (plugins, delays), or a number is out of range.
    """

    def __init__(
        self,
        models: Sequence[mujoco.MjModel],
        *,
        frame_skip: int = 1,
        threads: int = 1,
        view: StateView | None = None,
        position_bound: float | Float[np.ndarray, " nq"] = mujoco.mjMAXVAL,
        velocity_bound: float | Float[np.ndarray, " nv"] = mujoco.mjMAXVAL,
    ) -> None:
        for name, number in (("frame_skip", frame_skip), ("threads", threads)):
            if number < 1:
                raise InputError(f"{name} must be at least 1; got {number!r}.")
        self._models = [copy.copy(model) for model in models]
        _require_alike(self._models)
        for model in self._models:
            without_resets(model)
        model = self._models[0]
        physics = model.nq + model.nv + model.na
        self._view = WholeState(physics) if view is None else view
        self._skip = frame_skip
        self._bound = np.full(physics, float(mujoco.mjMAXVAL))
        self._bound[: model.nq] = _bound("position_bound", position_bound, model.nq)
        self._bound[model.nq : model.nq + model.nv] = _bound(
            "velocity_bound", velocity_bound, model.nv
        )
        self._late = _late_sensors(model)
        self._data = [mujoco.MjData(model) for _ in range(threads)]
        self._pool = Rollout(nthread=threads if threads > 1 else 0)
        self._busy = threading.Lock()

    @property
    def num_systems(self) -> int:
        """E."""
        return len(self._models)

    @property
    def state_dim(self) -> int:
        """S."""
        return self._view.dim

    @property
    def action_dim(self) -> int:
        """A, the actuators."""
        return int(self._models[0].nu)

    @property
    def can_advance(self) -> bool:
        """Whether the view shows all of the simulator's state."""
        return self._view.whole

    @property
    def time_step(self) -> float:
        """Seconds an action lasts."""
        return float(self._models[0].opt.timestep) * self._skip

    def rollout(
        self,
        states: Float[Tensor, "E S"],
        actions: Float[Tensor, "E N H A"],
        *,
        warmstart: Float[np.ndarray, "E nv"] | None = None,
    ) -> Float[Tensor, "E N H+1 S"]:
        """Simulate N trajectories for each system.

        Args:
            states: Where the systems stand.
            actions: N candidate sequences of H actions for each system.
            warmstart: `qacc_warmstart` of each system, where the contact solver starts searching;
                with a running simulation's, the very numbers it would compute. None: from zero,
                which agrees to the solver's tolerance.

        Returns:
            Trajectories; index 0 along the time axis is the given state.

        Raises:
            InputError: If a width or the number of systems does not match, or numbers are whole.
        """
        self._check(states, actions)
        E, N, H, _ = actions.shape
        trajectories = torch.empty(E, N, H + 1, self.state_dim, dtype=states.dtype)
        trajectories[:, :, 0] = states.detach()[:, None]
        rows = trajectories.view(E * N, H + 1, self.state_dim).numpy()
        self._fill(rows[:, 1:], states[:, None], actions, warmstart)
        return trajectories.to(states.device)

    def advance(
        self, states: Float[Tensor, "E N S"], actions: Float[Tensor, "E N A"]
    ) -> Float[Tensor, "E N S"]:
        """Simulate one action from each of N states of each system.

        Just what a `rollout` of one action from each of the states would end in. Called again and
        again it agrees with a longer rollout to the solver's tolerance, as the solver starts from
        zero at each action; in float32 states are rounded in between. Measured on random actions,
        the greatest difference after 12 and 50 of them: the suite's finger 4e-14 and 3e-11, its
        cheetah 5e-14 and 2e-13; in float32 the finger 5e-6 and 1e-2, the cheetah 3e-6 and 5e-6.

        Each call makes one simulator step beyond the action, for the sensors, as a rollout does
        once for all of its actions.

        Args:
            states: Where N copies of each system stand; NaN where one has diverged, and stays.
            actions: One for each state.

        Returns:
            Where they stand then.

        Raises:
            InputError: As `rollout`, if there is not one action for each state, or if the view does
                not show all of the simulator's state (`can_advance`).
        """
        self._check_steps(states, actions)
        following = torch.empty(states.shape, dtype=states.dtype)
        rows = following.view(-1, 1, self.state_dim).numpy()
        self._fill(rows, states, actions[:, :, None], None)
        return following.to(states.device)

    def close(self) -> None:
        """End the threads; the dynamics cannot be used after that."""
        self._pool.close()

    def _fill(
        self,
        rows: Float[np.ndarray, "R H S"],
        states: Float[Tensor, "E G S"],
        actions: Float[Tensor, "E N H A"],
        warmstart: Float[np.ndarray, "E nv"] | None,
    ) -> None:
        """Write the states after each action; a system's N candidates share its G states evenly."""
        E, N, H, A = actions.shape
        G = states.shape[1]
        controls = actions.detach().cpu().double().numpy().reshape(E * N, H, A)
        given = states.detach().cpu().double().numpy().reshape(E * G, self.state_dim)
        chunk = self._chunk(H)
        with self._busy, divergence_unsaid():
            owners = np.arange(E).repeat(G)
            physics = self._view.restore(self._models, self._data[0], given, owners)
            for first in range(0, E * N if H else 0, chunk):
                part = np.arange(first, min(first + chunk, E * N))
                starts = physics[part * G // N]
                rows[part] = self._simulate(part // N, starts, controls[part], warmstart)

    def _simulate(
        self,
        systems: Int[np.ndarray, " B"],
        physics: Float[np.ndarray, "B P"],
        controls: Float[np.ndarray, "B H A"],
        warmstart: Float[np.ndarray, "E nv"] | None,
    ) -> Float[np.ndarray, "B H S"]:
        """States after each action of some candidates, each in its own system."""
        B, H, _ = controls.shape
        steps = H * self._skip
        # One step more: it says whether the last one raised a warning, and brings the sensors,
        # which MuJoCo computes at the beginning of a step, for the last state.
        held = controls[:, np.minimum(np.arange(steps + 1) // self._skip, H - 1)]
        start = np.concatenate((np.zeros((B, 1)), physics), axis=1)
        record, sensors = self._pool.rollout(
            [self._models[system] for system in systems],
            self._data,
            start,
            held,
            initial_warmstart=None if warmstart is None else warmstart[systems],
        )
        ends = slice(self._skip - 1, steps, self._skip)
        seen = sensors[:, self._skip :: self._skip].copy()
        seen[..., self._late] = sensors[:, ends][..., self._late]
        states = self._view.read(record[:, ends, 1:], seen)
        return np.where(self._diverged(record)[:, ends, None], np.nan, states)

    def _diverged(self, record: Float[np.ndarray, "B T R"]) -> Bool[np.ndarray, "B T-1"]:
        """Which steps, but for the last, come at or after one that went wrong."""
        # After a warning the simulator stops: time stands still from the step on that raised it.
        stopped = ~(np.diff(record[:, :, 0], axis=1) > 0)
        # A NaN is within no bound.
        within = (np.abs(record[:, :-1, 1:]) <= self._bound).all(axis=2)
        since: Bool[np.ndarray, "B T-1"] = np.logical_or.accumulate(stopped | ~within, axis=1)
        return since

    def _chunk(self, horizon: int) -> int:
        model = self._models[0]
        numbers = 1 + len(self._bound) + model.nsensordata + model.nu
        each = 8 * int(numbers) * (horizon * self._skip + 1)
        return max(len(self._data), CHUNK_BYTES // each)

    def _check(self, states: Tensor, actions: Tensor) -> None:
        wanted = (self.num_systems, self.state_dim)
        if tuple(states.shape) != wanted:
            raise InputError(
                f"rollout got states of shape {tuple(states.shape)}; these models want (E, S) = "
                f"{wanted}: one row for each of the models the dynamics was made of."
            )
        if actions.ndim != 4 or actions.shape[::3] != (self.num_systems, self.action_dim):
            raise InputError(
                f"rollout got actions of shape {tuple(actions.shape)}; these models want "
                f"(E, N, H, A) with E = {self.num_systems} and A = {self.action_dim} actuators."
            )
        _require_floating("rollout", states, actions)

    def _check_steps(self, states: Tensor, actions: Tensor) -> None:
        if not self.can_advance:
            raise InputError(
                f"advance goes on from any state, and those of {type(self._view).__name__} do not "
                "show all that moves in these models; roll sequences out from where they stand."
            )
        E, S, A = self.num_systems, self.state_dim, self.action_dim
        alike = states.ndim == actions.ndim == 3 and states.shape[1] == actions.shape[1]
        if not alike or states.shape[::2] != (E, S) or actions.shape[::2] != (E, A):
            raise InputError(
                f"advance got states of shape {tuple(states.shape)} and actions of "
                f"{tuple(actions.shape)}; these models want (E, N, S) and (E, N, A) with E = {E}, "
                f"S = {S} and A = {A}: one action for each state."
            )
        _require_floating("advance", states, actions)


def _require_floating(caller: str, states: Tensor, actions: Tensor) -> None:
    for name, tensor in (("states", states), ("actions", actions)):
        if not tensor.is_floating_point():
            raise InputError(f"{caller} got {name} of {tensor.dtype}; convert them with .float().")


def _require_alike(models: Sequence[mujoco.MjModel]) -> None:
    if not models:
        raise InputError("MujocoDynamics got no models; give it one for each system.")
    first = models[0]
    for number, model in enumerate(models):
        if model.signature != first.signature:
            raise InputError(
                f"Model {number} has other sizes than model 0 (bodies, joints, geoms, ...); models "
                "that are simulated together differ in numbers only. Make one MujocoDynamics each."
            )
    if mujoco.mj_stateSize(first, FULL) != 1 + first.nq + first.nv + first.na:
        raise InputError(
            "The model keeps state of plugins or delays beside qpos, qvel and act; "
            "MujocoDynamics cannot set that. Take them out of the model."
        )


def _late_sensors(model: mujoco.MjModel) -> Bool[np.ndarray, " D"]:
    """Entries of `sensordata` that need accelerations (touch, forces).

    A running simulator knows them once a step is done: beside a state stand those of the step that
    led to it.
    """
    late = model.sensor_needstage == mujoco.mjtStage.mjSTAGE_ACC
    return np.repeat(late, model.sensor_dim)


def _bound(
    name: str, value: float | Float[np.ndarray, " n"], count: int
) -> Float[np.ndarray, " n"]:
    array = np.asarray(value, dtype=np.float64)
    if array.shape not in ((), (count,)) or not (array > 0).all():
        raise InputError(
            f"{name} must be one positive number, or one for each of {count}; got {value!r}."
        )
    return np.full(count, np.minimum(array, float(mujoco.mjMAXVAL)))
