"""MuJoCo as our environments step it: divergence is found and told, never answered by a reset."""

from collections.abc import Callable

import mujoco

_BAD_STATE = (
    mujoco.mjtWarning.mjWARN_BADQPOS,
    mujoco.mjtWarning.mjWARN_BADQVEL,
    mujoco.mjtWarning.mjWARN_BADQACC,
)


def without_resets(model: mujoco.MjModel) -> None:
    """Switch MuJoCo's own answer to divergence off, a silent reset."""
    model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET


def without_warnings(data: mujoco.MjData) -> None:
    """Keep MuJoCo from printing that a state diverged: whoever steps checks for it."""
    for warning in _BAD_STATE:
        data.warning[warning].number = 1  # one already counted is not printed


def advance(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    steps: int,
    is_sane: Callable[[], bool],
    at_last: Callable[[], None] = lambda: None,
) -> bool:
    """Make simulator steps until one diverges; what follows from the new state is known then.

    Args:
        model: Begun with `mj_step1`.
        data: Its state.
        steps: How many, at least one.
        is_sane: Whether the state is within its bounds.
        at_last: Called in the last step, while MuJoCo still has the forces of it.

    Returns:
        Whether it diverged.
    """
    for number in range(steps):
        # `mj_step` in its two halves.
        mujoco.mj_step2(model, data)
        if not is_sane():
            return True
        if number == steps - 1:
            at_last()
        mujoco.mj_step1(model, data)
    return False
