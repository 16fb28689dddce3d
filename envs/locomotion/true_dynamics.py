"""The true dynamics of locomotion environments, for planners: an oracle's model."""

from collections.abc import Sequence

from hyperdyn.envs.locomotion.base import LocomotionEnv
from hyperdyn.envs.mujoco_dynamics import MujocoDynamics
from hyperdyn.errors import InputError


def true_dynamics(envs: Sequence[LocomotionEnv], *, threads: int = 1) -> MujocoDynamics:
    """The simulators of the episodes that E environments are in, hidden properties and all.

    A rollout starts from an observation and holds observations: what `step` would return. It is
    NaN from where `step` would report a divergence. With each environment's
    `data.qacc_warmstart` as warm start it computes the numbers that `step` would, but for the
    rounding of the root's x. What no observation shows (how deep the blocks of a pier lie) is
    taken from the environments as they stand when the rollout begins; so over piers no state but
    theirs can be gone on from (`can_advance`).

    Args:
        envs: Unwrapped environments of one task, each reset. The next reset draws new properties,
            and a change within the episode sets them, of which this dynamics knows nothing: make
            another then.
        threads: Of the simulator.

    Raises:
        InputError: If there are none, they are of several classes, or one was not reset.
    """
    kinds = {type(env) for env in envs}
    if len(kinds) != 1:
        named = ", ".join(sorted(kind.__name__ for kind in kinds)) or "none"
        raise InputError(f"true_dynamics wants environments of one class; got {named}.")
    positions, velocities = envs[0].state_bounds
    return MujocoDynamics(
        [env.model for env in envs],
        frame_skip=envs[0].frame_skip,
        threads=threads,
        view=envs[0].shared_view(envs),
        position_bound=positions,
        velocity_bound=velocities,
    )
