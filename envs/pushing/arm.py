"""The Kuka iiwa with a rod: its description for the simulator, and its joint angles for a point.

The arm stands on a pedestal behind the table and reaches over it with the elbow up. Joints 3, 5 and
7 stay at zero, so that shoulder, elbow, wrist and rod lie in one vertical plane, where the angles
follow in closed form: exact, without iterations, and the same for the same point. The rod stands
upright while the wrist can be above it; nearer to or further from the pedestal than that it leans,
by at most 22 degrees over the table.
"""

import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Float

BASE = (-0.5, 0.0, 0.3)
"""Where the arm's foot stands, m; the table's top is z = 0 and its centre the origin."""
ROD_RADIUS = 0.008
ROD_LENGTH = 0.25
JOINTS = 7
JOINT_LIMITS = np.array([2.967, 2.094, 2.967, 2.094, 2.967, 2.094, 3.054])

_SHOULDER = 0.36  # m above the foot
_UPPER, _FORE = 0.42, 0.40  # shoulder to elbow, elbow to wrist
_BELOW = 0.02
_FLANGE = 0.045  # last joint to the rod's upper end
_TOOL = 0.081 + _FLANGE + ROD_LENGTH  # wrist to the rod's tip
_WRIST_REACH = (0.32, 0.72)  # horizontal distance of the wrist from the arm's axis


def joint_angles(tip: Float[np.ndarray, "3"]) -> Float[np.ndarray, "7"]:
    """Angles of the seven joints that put the rod's tip at a point.

    Args:
        tip: World position, m: above or just beside the table.

    Returns:
        Radians, within `JOINT_LIMITS` for tips 0 to 2 cm high and up to 2 cm beside the table.
    """
    x, y, z = (float(value) for value in tip - np.array(BASE))
    reach = math.hypot(x, y)
    lean = math.asin((reach - min(max(reach, _WRIST_REACH[0]), _WRIST_REACH[1])) / _TOOL)
    out = reach - _TOOL * math.sin(lean)  # the wrist, seen from the shoulder
    up = z + _TOOL * math.cos(lean) - _SHOULDER
    span = math.hypot(out, up)
    at_shoulder = math.acos((_UPPER**2 + span**2 - _FORE**2) / (2 * _UPPER * span))
    upper = math.atan2(out, up) - at_shoulder  # each from the vertical, outwards
    fore = math.atan2(out - _UPPER * math.sin(upper), up - _UPPER * math.cos(upper)) % math.tau
    tool = math.pi - lean
    return np.array([math.atan2(y, x), upper, 0.0, upper - fore, 0.0, tool - fore, 0.0])


ASIDE = np.array([JOINT_LIMITS[0], *joint_angles(np.zeros(3))[1:]])
"""Joint angles of an arm that is turned as far from the table as it can be, rad."""


def urdf(kuka: Path) -> str:
    """PyBullet's own description of the arm with a rod at its flange.

    Only the rod collides: the arm's links pass above the objects, and leaving them out makes a
    step faster. The rod collides over 2 cm below its tip too: under load the arm yields upwards by
    up to 1 cm, and the rod would climb onto plates of 13 mm.

    Args:
        kuka: The folder that holds `model.urdf` and its meshes.
    """
    robot = ElementTree.parse(kuka / "model.urdf").getroot()
    for link in robot.iter("link"):
        for collision in link.findall("collision"):
            link.remove(collision)
    for mesh in robot.iter("mesh"):
        mesh.set("filename", str(kuka / mesh.attrib["filename"]))
    seen, felt = _cylinder(ROD_LENGTH, 0.0), _cylinder(ROD_LENGTH + _BELOW, _BELOW)
    added = f"""<rod>
      <link name="rod">
        <inertial><origin rpy="0 0 0" xyz="0 0 {-ROD_LENGTH / 2}"/><mass value="0.1"/>
          <inertia ixx="6e-4" ixy="0" ixz="0" iyy="6e-4" iyz="0" izz="4e-6"/></inertial>
        <visual>{seen}<material name="Steel"><color rgba="0.8 0.8 0.85 1"/></material></visual>
        <collision>{felt}</collision>
      </link>
      <joint name="flange" type="fixed">
        <parent link="lbr_iiwa_link_7"/><child link="rod"/>
        <origin rpy="0 0 0" xyz="0 0 {_FLANGE + ROD_LENGTH}"/>
      </joint>
    </rod>"""
    robot.extend(ElementTree.fromstring(added))
    return ElementTree.tostring(robot, encoding="unicode")


def _cylinder(length: float, below: float) -> str:
    """A rod of some length that ends `below` metres below the tip."""
    return (
        f'<origin rpy="0 0 0" xyz="0 0 {below - length / 2}"/>'
        f'<geometry><cylinder radius="{ROD_RADIUS}" length="{length}"/></geometry>'
    )
