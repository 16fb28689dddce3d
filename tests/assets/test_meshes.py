"""Meshes of a user's own, whole and broken."""

import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh

from hyperdyn.assets.objects import (
    MeshError,
    MeshFileError,
    MeshGeometryError,
    MeshLimitError,
    MeshLimits,
    MeshPathError,
    Treatment,
    load_mesh_object,
    load_object,
)
from hyperdyn.assets.objects import loader as loader_module
from hyperdyn.assets.objects.conversion import convert
from hyperdyn.assets.objects.limits import Decomposition
from hyperdyn.errors import HyperdynError, InputError, UnknownNameError

CUBE = [
    *("v 0 0 0", "v 1 0 0", "v 1 1 0", "v 0 1 0", "v 0 0 1", "v 1 0 1", "v 1 1 1", "v 0 1 1"),
    *("f 4 3 2 1", "f 5 6 7 8", "f 1 2 6 5", "f 2 3 7 6", "f 3 4 8 7", "f 4 1 5 8"),
]


def obj(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def converted(data: bytes, suffix: str = ".obj", **treatment) -> dict[str, np.ndarray]:
    """What the reading process does, in this one: the texts and kinds of errors are the same."""
    limits = MeshLimits(faces=10_000)
    return convert(data, suffix, Treatment(**treatment), limits)


def mesh_of(arrays: dict[str, np.ndarray]) -> trimesh.Trimesh:
    vertices, faces = arrays["counts"][0]
    return trimesh.Trimesh(arrays["vertices"][:vertices], arrays["faces"][:faces], process=False)


def exported(mesh: trimesh.Trimesh, kind: str) -> bytes:
    data = mesh.export(file_type=kind)
    return data.encode() if isinstance(data, str) else data


def test_a_file_becomes_an_object_of_the_wanted_size(tmp_path: Path):
    file = tmp_path / "brick.obj"
    file.write_bytes(obj([line.replace("v 1", "v 2") for line in CUBE]))
    item = load_mesh_object(file, root=tmp_path, treatment=Treatment(size=0.08))
    assert (item.id, item.family, item.notes) == ("brick", "user", ())
    assert item.extents == pytest.approx([0.08, 0.04, 0.04])
    assert item.mesh.bounds[0] == pytest.approx([-0.04, -0.02, 0.0], abs=1e-12)
    assert len(item.parts) == 1
    assert item.mismatch == pytest.approx(0.0, abs=1e-9)
    assert item.footprint(16, 0.16).sum() == 8 * 4


def test_a_shapenet_folder_is_read_with_y_up(tmp_path: Path):
    model = tmp_path / "02691156" / "abc" / "models" / "model_normalized.obj"
    model.parent.mkdir(parents=True)
    # Materials and textures are named, as in ShapeNet, and not there: they are not opened.
    tall = [" ".join([*line.split()[:2], str(3 * float(line.split()[2])), line.split()[3]])
            if line.startswith("v") else line for line in CUBE]  # fmt: skip
    model.write_bytes(obj(["mtllib ../../../secret.mtl", "usemtl a", *tall]))
    item = load_mesh_object("02691156/abc", root=tmp_path, treatment=Treatment(size=0.09))
    assert item.id == "abc"
    assert item.extents == pytest.approx([0.09, 0.09, 0.27])


def test_sizes_of_the_file_are_kept_when_asked():
    mesh = mesh_of(converted(obj(CUBE), size=None))
    assert mesh.extents == pytest.approx([1.0, 1.0, 1.0])


@pytest.mark.parametrize("kind", ["obj", "stl", "stl_ascii", "off", "ply", "glb"])
def test_every_format_gives_the_same_solid(kind: str):
    source = trimesh.creation.icosphere(subdivisions=2)
    source.apply_scale([0.05, 0.04, 0.03])
    data = exported(source, kind)
    mesh = mesh_of(converted(data, f".{kind.split('_')[0]}", size=None))
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(source.volume, rel=1e-3)


@pytest.mark.parametrize("kind", ["stl", "stl_ascii", "off", "ply", "glb"])
def test_truncated_files_are_refused(kind: str):
    data = exported(trimesh.creation.icosphere(subdivisions=2), kind)
    with pytest.raises(MeshError):
        converted(data[: len(data) * 2 // 3], f".{kind.split('_')[0]}")


@pytest.mark.parametrize("suffix", [".obj", ".stl", ".off", ".ply", ".glb"])
@pytest.mark.parametrize("size", [0, 3, 100, 5000])
def test_noise_is_refused_in_every_format(suffix: str, size: int):
    data = np.random.default_rng(size).bytes(size)
    with pytest.raises(MeshError):
        converted(data, suffix)


def test_a_truncated_obj_is_refused():
    with pytest.raises(MeshFileError, match="Line 8 is cut off"):
        converted("\n".join(CUBE)[: len("\n".join(CUBE[:8])) - 3].encode())


@pytest.mark.parametrize(
    ("face", "text"),
    [("f 1 2 9", "names vertex 8"), ("f 0 1 2", "index 0"), ("f 1 2 -9", "index -9")],
)
def test_indices_out_of_range_are_refused(face: str, text: str):
    with pytest.raises(MeshGeometryError, match=text):
        converted(obj([*CUBE, face]))


def test_indices_that_count_back_are_understood():
    back = [f"f {' '.join(str(int(n) - 9) for n in line.split()[1:])}" for line in CUBE[8:]]
    assert mesh_of(converted(obj(CUBE[:8] + back))).volume == pytest.approx(0.1**3)


@pytest.mark.parametrize("value", ["nan", "inf", "1e400"])
def test_vertices_that_are_not_finite_are_refused(value: str):
    with pytest.raises(MeshGeometryError, match="Vertex 0 is not finite"):
        converted(obj([f"v {value} 0 0", *CUBE[1:]]))


@pytest.mark.parametrize(
    "lines",
    [
        [line.replace("v 1 1 1", "v 1 1 0") for line in CUBE[:4]] + CUBE[8:9],
        ["v 0 0 0", "v 1 0 0", "v 2 0 0", "f 1 2 3"],
        ["v 0 0 0", "v 0 0 0", "v 0 0 0", "f 1 2 3"],
        [*CUBE[:8], "f 1 1 2"],
    ],
)
def test_a_mesh_without_volume_is_refused(lines: list[str]):
    with pytest.raises(MeshGeometryError):
        converted(obj(lines))


@pytest.mark.parametrize("lines", [[], CUBE[:8], ["# empty"]])
def test_a_mesh_without_faces_is_refused(lines: list[str]):
    with pytest.raises(MeshGeometryError, match="0 faces"):
        converted(obj(lines))


def test_ten_million_faces_are_refused_before_they_are_held(tmp_path: Path):
    count = 10_000_000
    file = tmp_path / "many.stl"
    with file.open("wb") as written:  # a hole in the file: takes no room on disk
        written.write(bytes(80) + struct.pack("<I", count))
        written.truncate(84 + 50 * count)
    with pytest.raises(MeshLimitError, match="477 MB"):
        load_mesh_object(file)
    with pytest.raises(MeshLimitError, match="10,000,000 faces"):
        load_mesh_object(file, limits=MeshLimits(megabytes=1000.0))
    with pytest.raises(MeshLimitError, match="at most 10,000"):
        converted(obj([*CUBE[:8], *["f 1 2 3"] * 10_001]))
    header = f"ply\nformat ascii 1.0\nelement vertex 3\nelement face {count}\nend_header\n"
    with pytest.raises(MeshLimitError, match="10,000,000 faces"):
        converted(header.encode(), ".ply")


def test_too_little_time_or_memory_ends_the_reading_process(tmp_path: Path):
    file = tmp_path / "cube.obj"
    file.write_bytes(obj(CUBE))
    big = tmp_path / "big.obj"
    big.write_bytes(exported(trimesh.creation.icosphere(subdivisions=6), "obj"))
    with pytest.raises(MeshLimitError, match=r"more than 0\.05 s"):
        load_mesh_object(file, limits=MeshLimits(seconds=0.05))
    with pytest.raises(MeshError, match=r"big\.obj.*more than 4 MB"):
        load_mesh_object(big, limits=MeshLimits(memory=4))


def test_a_crash_of_the_reading_process_is_an_error_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    crash = tmp_path / "crash"
    crash.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crash.chmod(0o755)
    file = tmp_path / "cube.obj"
    file.write_bytes(obj(CUBE))
    monkeypatch.setattr(loader_module.sys, "executable", str(crash))
    with pytest.raises(MeshFileError, match="status -11"):
        load_mesh_object(file)


def test_paths_stay_in_their_folder(tmp_path: Path):
    root, outside = tmp_path / "root", tmp_path / "outside.obj"
    (root / "model" / "models").mkdir(parents=True)
    outside.write_bytes(obj(CUBE))
    (root / "link.obj").symlink_to(outside)
    (root / "model" / "models" / "model_normalized.obj").symlink_to(outside)
    for path in ("../outside.obj", str(outside), "link.obj", "model"):
        with pytest.raises(MeshPathError, match=r"leaves|leads out of"):
            load_mesh_object(path, root=root)
    with pytest.raises(MeshPathError, match="leads out of"):
        load_mesh_object(root / "model")


@pytest.mark.parametrize("name", ["none.obj", "folder", "notes.txt"])
def test_files_that_cannot_be_meshes_are_refused(tmp_path: Path, name: str):
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("v 0 0 0")
    with pytest.raises(MeshFileError, match=r"no file|is not one of \.obj"):
        load_mesh_object(tmp_path / name)


def open_box() -> bytes:
    """A cube without its lid: not watertight."""
    return obj([line for line in CUBE if line != "f 5 6 7 8"])


def test_an_open_mesh_is_repaired_as_asked(tmp_path: Path):
    hull = converted(open_box(), repair="hull")
    assert mesh_of(hull).volume == pytest.approx(0.1**3)
    assert "convex hull was taken" in hull["notes"][0]

    file = tmp_path / "open.obj"
    file.write_bytes(open_box())
    voxels = load_mesh_object(file)
    rebuilt = voxels.mesh
    assert rebuilt.is_watertight
    assert "rebuilt from 48 voxels" in voxels.notes[0]
    assert rebuilt.extents == pytest.approx([0.1, 0.1, 0.1], rel=0.05)
    assert rebuilt.volume < 0.3 * 0.1**3, "a box without a lid is hollow"

    with pytest.raises(MeshGeometryError, match="not watertight"):
        converted(open_box(), repair="refuse")


def test_faces_that_are_turned_inside_out_are_turned_around():
    lines = [*CUBE[:-1], "f 8 5 1 4"]
    arrays = converted(obj(lines), repair="refuse")
    assert mesh_of(arrays).volume == pytest.approx(0.1**3)
    assert "turned around" in arrays["notes"][0]


def test_bodies_that_overlap_are_counted_once():
    moved = ["v " + " ".join(str(float(n) + 0.5) for n in line.split()[1:]) for line in CUBE[:8]]
    faces = ["f " + " ".join(str(int(n) + 8) for n in line.split()[1:]) for line in CUBE[8:]]
    arrays = converted(obj([*CUBE[:8], *moved, *CUBE[8:], *faces]), size=None)
    assert mesh_of(arrays).volume == pytest.approx(2 - 0.5**3)


def test_an_object_that_cannot_stand_falls_over():
    tilted = trimesh.creation.box((0.04, 0.04, 0.20))
    tilted.apply_transform(trimesh.transformations.rotation_matrix(1.0, [1, 0, 0]))
    arrays = converted(exported(tilted, "stl"), ".stl", size=0.2)
    assert mesh_of(arrays).extents == pytest.approx([0.04, 0.2, 0.04], rel=1e-5)
    assert "tilted by 32.7 degrees" in arrays["notes"][0]


@pytest.mark.parametrize(("method", "most"), [("planes", 0.02), ("auto", 0.02), ("hull", 2.0)])
def test_parts_cover_a_concave_mesh(method: Decomposition, most: float):
    ring = exported(trimesh.creation.annulus(0.03, 0.05, 0.02, sections=24), "stl")
    arrays = converted(ring, ".stl", decomposition=method)
    assert 1 <= len(arrays["counts"]) - 1 <= 24
    assert float(arrays["mismatch"]) < most
    if method != "hull":
        assert len(arrays["notes"]) == 0
    else:
        assert float(arrays["mismatch"]) > 0.5
        assert "convex hull, as asked" in arrays["notes"][0]


def test_a_packaged_object_comes_back_as_it_was(tmp_path: Path):
    original = load_object("camera-1")
    whole, _ = original.write_obj(tmp_path)
    item = load_mesh_object(whole, treatment=Treatment(size=None))
    assert item.mesh.volume == pytest.approx(original.mesh.volume, rel=2e-3)
    assert item.inertia_per_mass == pytest.approx(original.inertia_per_mass, rel=0.01, abs=1e-6)
    assert item.mismatch < 0.1


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    ring = exported(trimesh.creation.annulus(0.03, 0.05, 0.02, sections=24), "stl")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(HyperdynError, match="pip install coacd"):
        converted(ring, ".stl", decomposition="coacd")


def test_settings_are_checked(unchecked: None):
    with pytest.raises(InputError, match="size"):
        Treatment(size=-1.0)
    with pytest.raises(InputError, match="max_parts"):
        Treatment(max_parts=0)
    with pytest.raises(UnknownNameError, match="'planes'"):
        Treatment(decomposition="plane")
    with pytest.raises(InputError, match="faces"):
        MeshLimits(faces=0)
