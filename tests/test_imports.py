"""Who may import whom, what `import hyperdyn` loads, and what no module may contain."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"hyperdyn": "hyperdyn"} | {
    name: f"hyperdyn.{name}" for name in ("assets", "benchmarks", "envs", "perception", "planners")
}

# A module of the core imports from its own layer and from those before it.
LAYERS = (
    ("errors", "assets", "threads"),
    ("storage", "networks", "states", "history", "terms"),
    ("adaptation", "heads", "saved"),
    ("hypernetworks", "encoders", "rollout"),
    ("dynamics", "model_config", "model"),
    ("baselines", "variants", "ensembles", "policies"),
    ("generators", "genhyper"),
    ("perception",),
    ("pushing",),
    ("training",),
    ("benchmarks",),
    ("cli", "__main__"),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
WORLD = ("hyperdyn.envs", "hyperdyn.planners")
KNOW_THE_WORLD = ("training", "benchmarks", "cli", "__main__")  # may import planners and envs
PLANNERS_MAY = tuple(
    f"hyperdyn.{part}" for part in ("planners", "dynamics", "errors", "terms", "threads")
)
ENVS_MAY = ("hyperdyn.envs", "hyperdyn.assets", "hyperdyn.dynamics", "hyperdyn.errors")
THIRD_PARTY = {
    "hyperdyn.planners": {"jaxtyping", "llvmlite", "numba", "numpy", "torch"},
    "hyperdyn.envs": {"gymnasium", "jaxtyping", "mujoco", "numpy", "pybullet", "torch"},
    "hyperdyn.perception": {"jaxtyping", "numpy", "torch"},
    "hyperdyn.assets": {"jaxtyping", "manifold3d", "matplotlib", "numpy", "scipy", "trimesh"},
}
FORBIDDEN = {
    "unpickles": r"pickle\.loads?\(|torch\.load\(|joblib\.load\(|allow_pickle\s*=\s*True",
    "draws from a global random state": (
        r"np\.random\.(seed|rand|randn|normal|uniform|randint)\(|torch\.manual_seed\("
        r"|(?<![.\w])random\.(seed|random|uniform|gauss|choice)\("
    ),
    "names an absolute path": r"""["'`](/(home|root|tmp|work|usr|opt|mnt)/|[A-Z]:\\)""",
    "swallows every error": r"except\s*:",
}


def modules() -> list[tuple[str, Path]]:
    """Import name and file of every module in the package."""
    found = []
    for folder, package in PACKAGES.items():
        for file in sorted((ROOT / folder).rglob("*.py")):
            inside = file.relative_to(ROOT / folder).with_suffix("").parts
            found.append((".".join((package, *inside)).removesuffix(".__init__"), file))
    return found


MODULES = modules()
every_module = pytest.mark.parametrize(("name", "file"), MODULES, ids=[name for name, _ in MODULES])


def imported(file: Path) -> set[str]:
    """Names of the modules a file imports, wherever in it the import stands."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: line {node.lineno} has a relative import"
            module = str(node.module)
            # `from hyperdyn import assets` imports hyperdyn.assets.
            names |= (
                {f"{module}.{alias.name}" for alias in node.names}
                if (module == "hyperdyn")
                else {module}
            )
    return names


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in memory after a statement, in a fresh interpreter."""
    code = f"{statement}\nimport sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


@every_module
def test_modules_import_only_what_their_layer_may(name: str, file: Path):
    ours = {target for target in imported(file) if within(target, ("hyperdyn",))}
    if within(name, ("hyperdyn.planners",)):
        wrong = {target for target in ours if not within(target, PLANNERS_MAY)}
    elif within(name, ("hyperdyn.envs",)):
        wrong = {target for target in ours if not within(target, ENVS_MAY)}
    elif within(name, ("hyperdyn.perception",)):
        wrong = {target for target in ours if not within(target, ("hyperdyn.perception",))}
    elif name == "hyperdyn":
        wrong = {target for target in ours if within(target, WORLD)}
    else:
        layer = name.split(".")[1]
        assert layer in RANK, f"{layer} has no place in LAYERS: give it one"
        wrong = set()
        for target in ours:
            part = target.split(".")[1] if "." in target else ""
            if part in ("planners", "envs"):
                if layer not in KNOW_THE_WORLD:
                    wrong.add(target)
            # Names of the package itself, such as __version__, are anybody's.
            elif part in RANK and RANK[part] > RANK[layer]:
                wrong.add(target)
    assert not wrong, f"{name} must not import {sorted(wrong)}"


@every_module
def test_mapped_folders_are_imported_by_their_full_names(name: str, file: Path):
    folders = ("assets", "benchmarks", "envs", "perception", "planners", "tests")
    bare = {n for n in imported(file) if n.split(".")[0] in folders}
    assert not bare, f"{name} imports {sorted(bare)}; write hyperdyn.…"


@every_module
def test_mapped_packages_need_no_further_libraries(name: str, file: Path):
    for package, allowed in THIRD_PARTY.items():
        if within(name, (package,)):
            top = {n.split(".")[0] for n in imported(file)} - {"hyperdyn"}
            assert top <= allowed | set(sys.stdlib_module_names)


@every_module
def test_no_module_contains_what_none_may(name: str, file: Path):
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        for what, pattern in FORBIDDEN.items():
            assert not re.search(pattern, line), f"{name}, line {number} {what}: {line.strip()}"


def test_importing_hyperdyn_loads_no_torch_simulator_or_command_line():
    loaded = loaded_by("import hyperdyn")
    heavy = {"torch", "numpy", "mujoco", "gymnasium", "pybullet", "dm_control", "open3d", "tyro"}
    assert not heavy & loaded


def test_everything_public_loads_no_simulator_planner_or_command_line():
    loaded = loaded_by("import hyperdyn\nfor name in dir(hyperdyn): getattr(hyperdyn, name)")
    assert "hyperdyn.model" in loaded
    foreign = {"mujoco", "gymnasium", "pybullet", "dm_control", "open3d", "tyro", "matplotlib"}
    assert not foreign & loaded
    assert not {
        n for n in loaded if within(n, ("hyperdyn.envs", "hyperdyn.planners", "hyperdyn.cli"))
    }


def test_planners_load_no_simulator_and_no_hypernetwork_training():
    loaded = loaded_by("import hyperdyn.planners")
    assert not {"mujoco", "gymnasium", "hyperdyn.model", "hyperdyn.training"} & loaded
