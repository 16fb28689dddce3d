"""Random starts, as dm_control draws them."""

import mujoco
import numpy as np


def randomise_joints(model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
    """Draw limited joints within their limits, and free hinges all the way round."""
    for joint in range(model.njnt):
        if model.jnt_limited[joint]:
            low, high = model.jnt_range[joint]
        elif model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE:
            low, high = -np.pi, np.pi
        else:
            continue
        data.qpos[model.jnt_qposadr[joint]] = rng.uniform(low, high)
