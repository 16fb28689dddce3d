"""The 31 packaged objects."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from hyperdyn.assets.objects import OBJECTS, TEST_IDS, TRAINING_IDS, build, load_object
from hyperdyn.assets.objects.mit import PLATES
from hyperdyn.assets.objects.mugs import MUGS
from hyperdyn.assets.objects.sheet import draw_sheet
from hyperdyn.assets.objects.solids import box, cone, prism
from hyperdyn.cli.objects import Objects
from hyperdyn.errors import InputError, UnknownNameError

ROOT = Path(__file__).resolve().parent.parent.parent
every_object = pytest.mark.parametrize("name", OBJECTS)


class OnePiece:
    """A design of a single convex piece."""

    def __init__(self, corners: np.ndarray) -> None:
        self.corners = corners

    def pieces(self) -> list[np.ndarray]:
        return [self.corners]


def inside_mesh(points: np.ndarray, mesh: trimesh.Trimesh) -> np.ndarray:
    """Whether points are enclosed, by the solid angle under which they see the surface."""
    a, b, c = (np.asarray(mesh.triangles)[None, :, i] - points[:, None] for i in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=-1) for v in (a, b, c))
    top = (a * np.cross(b, c)).sum(-1)
    bottom = la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
    return np.arctan2(top, bottom).sum(axis=1) > np.pi  # of 2π inside, 0 outside


def inside_parts(points: np.ndarray, parts: tuple[trimesh.Trimesh, ...]) -> np.ndarray:
    found = np.zeros(len(points), dtype=bool)
    for part in parts:
        real = part.area_faces > 1e-12
        normals = part.face_normals[real]
        offsets = (normals * part.triangles[real, 0]).sum(axis=1)
        found |= (points @ normals.T <= offsets).all(axis=1)
    return found


@every_object
def test_meshes_are_closed_single_bodies_in_the_papers_range_of_sizes(name: str):
    item = load_object(name)
    assert item.id == name
    assert item.mesh.is_watertight
    assert item.mesh.is_winding_consistent
    assert item.mesh.volume > 0
    assert item.mesh.body_count == 1
    assert 0.07 - 1e-9 <= item.size <= 0.12 + 1e-9
    assert item.height <= 0.12


@every_object
def test_parts_are_convex_and_their_union_is_the_mesh(name: str):
    item = load_object(name)
    for part in item.parts:
        assert part.is_watertight
        assert part.volume == pytest.approx(part.convex_hull.volume, rel=1e-6)
    low, high = item.mesh.bounds
    points = np.random.default_rng(0).uniform(low, high, (1000, 3))
    inside = inside_mesh(points, item.mesh)
    np.testing.assert_array_equal(inside, inside_parts(points, item.parts))
    assert inside.any()
    # Every corner of a part is in the mesh or on it: the parts nowhere stand out.
    corners = np.concatenate([part.vertices for part in item.parts])
    assert item.mesh.bounds == pytest.approx(np.stack((corners.min(axis=0), corners.max(axis=0))))


@every_object
def test_objects_stand_stably_above_the_origin(name: str):
    item = load_object(name)
    vertices = item.mesh.vertices
    assert vertices[:, 2].min() == pytest.approx(0.0, abs=1e-12)
    assert item.mesh.center_mass[:2] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert item.centre_of_mass == pytest.approx(item.mesh.center_mass, abs=1e-9)
    base = trimesh.points.PointCloud(
        np.concatenate([vertices[vertices[:, 2] < 1e-6] + [0, 0, z] for z in (0.0, 0.01)])
    ).convex_hull
    normals = base.face_normals
    clearance = (normals * base.triangles[:, 0]).sum(axis=1) - normals @ [0.0, 0.0, 0.005]
    assert clearance.min() > 0.004, "the centre of mass is less than 4 mm inside its support"


@every_object
def test_inertia_is_a_possible_one(name: str):
    moments, axes = load_object(name).principal
    assert (moments > 0).all()
    assert moments[2] <= moments[0] + moments[1] + 1e-12
    assert np.linalg.det(axes) == pytest.approx(1.0)
    inertia = load_object(name).inertia_per_mass
    assert axes @ np.diag(moments) @ axes.T == pytest.approx(inertia, abs=1e-12)


def test_inertia_of_a_box_is_the_textbooks():
    item = build("box", "test", OnePiece(box((1.0, 2.0, 3.0), (1.06, 2.08, 3.10))))
    a, b, c = 0.06, 0.08, 0.10
    expected = np.diag([b * b + c * c, a * a + c * c, a * a + b * b]) / 12
    assert item.inertia_per_mass == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert item.centre_of_mass == pytest.approx([0.0, 0.0, 0.05])
    assert item.size == pytest.approx(0.08)


def test_inertia_of_a_cylinder_is_the_textbooks():
    item = build("cylinder", "test", OnePiece(cone(0.04, 0.04, 0.0, 0.06, corners=720)))
    across = (3 * 0.04**2 + 0.06**2) / 12
    expected = np.diag([across, across, 0.04**2 / 2])
    assert item.inertia_per_mass == pytest.approx(expected, rel=1e-4, abs=1e-12)


def test_inertia_of_a_right_triangle_is_the_textbooks():
    legs, height = 0.09, 0.012
    corners = np.array([(0.0, 0.0), (legs, 0.0), (0.0, legs)])
    item = build("triangle", "test", OnePiece(prism(corners, 0.0, height)))
    own, product = legs**2 / 18, -(legs**2) / 36
    expected = np.array(
        [
            [own + height**2 / 12, -product, 0.0],
            [-product, own + height**2 / 12, 0.0],
            [0.0, 0.0, 2 * own],
        ]
    )
    assert item.inertia_per_mass == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_plates_keep_their_published_proportions_and_thickness():
    published = {"mit-rect2": 112.58 / 89.91, "mit-tri3": 176.5 / 125.61, "mit-ellip3": 157 / 105}
    for name, ratio in published.items():
        sides = np.sort(load_object(name).extents[:2])
        assert sides[1] / sides[0] == pytest.approx(ratio)
    assert all(load_object(name).height == pytest.approx(0.013) for name in PLATES)
    sizes = {name: load_object(name).size for name in PLATES}
    assert min(sizes.values()) == pytest.approx(0.07)
    assert max(sizes.values()) == pytest.approx(0.12)


def test_butter_has_its_published_waist_and_moment_of_inertia():
    item = load_object("mit-butter")
    scale = item.size / 0.156
    waist = item.footprint(1200, 0.12).sum(axis=1)[599:601] * 0.12 / 1200
    assert waist == pytest.approx(2 * 0.02738 * scale, abs=2e-4)
    # Published: 0.00295433 kg m² for 1.1974 kg.
    assert item.inertia_per_mass[2, 2] / scale**2 == pytest.approx(0.00295433 / 1.1974, rel=0.01)


def test_splits_are_disjoint_complete_and_hold_every_family():
    assert (len(TRAINING_IDS), len(TEST_IDS)) == (24, 7)
    assert set(TRAINING_IDS) | set(TEST_IDS) == set(OBJECTS)
    families = {spec.family for spec in OBJECTS.values()}
    for ids in (TRAINING_IDS, TEST_IDS):
        assert {OBJECTS[name].family for name in ids} == families
    assert [spec.family for spec in OBJECTS.values()].count("mit") == 11
    mugs = [name for name in TEST_IDS if OBJECTS[name].family == "mug"]
    assert [MUGS[name].handle is None for name in mugs] == [False, False, True]


def test_footprint_turns_and_is_oriented_as_a_map():
    item = load_object("mug-1")  # its handle points along +x
    image = item.footprint(64, 0.16)
    assert image.dtype == bool
    columns = np.flatnonzero(image.any(axis=0))
    assert columns[-1] - 31.5 > 31.5 - columns[0] + 5
    assert image[31, 31], "a mug is no ring: its bottom shows from above"
    turned = item.footprint(64, 0.16, yaw=np.pi / 2)
    np.testing.assert_array_equal(turned, np.rot90(image))
    rows = np.flatnonzero(turned.any(axis=1))
    assert 31.5 - rows[0] > rows[-1] - 31.5 + 5, "the handle now points up in the picture, to +y"


def test_footprint_has_the_area_of_the_outline():
    item = load_object("mit-tri2")
    pixel = 0.16 / 400
    area = item.mesh.volume / 0.013
    assert item.footprint(400, 0.16).sum() * pixel**2 == pytest.approx(area, rel=0.01)


@pytest.mark.parametrize(("resolution", "extent"), [(0, 0.1), (64, 0.0), (64, float("nan"))])
def test_footprint_refuses_an_empty_grid(resolution: int, extent: float):
    with pytest.raises(InputError, match="positive"):
        load_object("mit-hex").footprint(resolution, extent)


def test_objects_are_built_once_and_cannot_be_changed():
    item = load_object("bowl-1")
    assert load_object("bowl-1") is item
    with pytest.raises(ValueError, match="read-only"):
        item.mesh.vertices[0] = 0.0


def test_unknown_objects_are_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="'mug-7'"):
        load_object("mug-77")


def test_written_parts_are_read_back_one_by_one(tmp_path: Path):
    item = load_object("mug-3")
    whole, parts = item.write_obj(tmp_path / "meshes")
    mesh = trimesh.load_mesh(whole, process=False)
    assert mesh.volume == pytest.approx(item.mesh.volume, rel=1e-6)
    assert parts.read_text().count("\no part_") + 1 == len(item.parts)


def test_the_catalogue_loads_no_geometry_library_before_it_is_asked():
    code = "import hyperdyn.assets.objects, sys; print('trimesh' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_the_sheet_is_drawn(tmp_path: Path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "sheet.png"
    draw_sheet(file, [load_object("mit-hex"), load_object("camera-2")])
    assert file.read_bytes().startswith(b"\x89PNG")


def test_the_command_lists_objects_and_draws_a_mesh_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("matplotlib")
    Objects().prepare()()
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 1 + 31
    assert any(line.split()[:2] == ["mug-7", "test"] for line in listed)

    whole, _ = load_object("mit-hex").write_obj(tmp_path)
    sheet = tmp_path / "pictures" / "own.png"
    Objects(mesh=whole, size=0.05, sheet=sheet).prepare()()
    assert "mit-hex  -      5.0 x 4.3" in capsys.readouterr().out
    assert sheet.stat().st_size > 0
