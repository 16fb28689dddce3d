"""The wheel: what it holds, and that it works alone beside a user's own `envs/` and `planners/`."""

import itertools
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]
TOP = SETUPTOOLS["package-dir"]  # import name -> folder
DATA = {".json", ".jsonl", ".safetensors", ".txt", ".typed", ".xml"}

USE = """
import sys
from pathlib import Path

import envs, planners  # the user's own
assert envs.OWNER == planners.OWNER == "the user"

import gymnasium, torch
import hyperdyn, hyperdyn.assets, hyperdyn.envs, hyperdyn.planners

assert Path(hyperdyn.envs.__file__) != Path(envs.__file__)
env = gymnasium.make("hyperdyn/CheetahSlope-v0")
observation, info = env.reset(seed=0)

names = hyperdyn.assets.pretrained_names()
if names:
    model = hyperdyn.load_generator(names[0])
else:
    fields = (hyperdyn.Field(name="state", size=len(observation)),)
    config = hyperdyn.ModelConfig(state_space=hyperdyn.StateSpace(fields), action_dim=6)
    model = hyperdyn.HyperDynamics(config, generator=torch.Generator().manual_seed(0))

buffer = hyperdyn.HistoryBuffer(1, model.history_length)
while not buffer.full:
    action = env.action_space.sample()
    buffer.append(torch.tensor(observation)[None].float(), torch.tensor(action)[None])
    observation, *_ = env.step(action)
dynamics = model.generate(buffer.history())
state = torch.tensor(observation)[None].float()
trajectory = dynamics.rollout(state, torch.zeros(1, 3, 5, 6))
assert trajectory.shape == (1, 3, 6, len(observation)) and trajectory.isfinite().all()

planner = hyperdyn.planners.CEM(horizon=5, samples=20, iterations=2, elites=4)
objective = hyperdyn.planners.ControlCost()
plan = planner.plan(dynamics, state, objective, generator=torch.Generator().manual_seed(0))
assert plan.actions.shape == (1, 5, 6)
print(Path(hyperdyn.__file__).parent)
"""


def run(*command: object, cwd: Path) -> str:
    """Standard output of a command that must succeed, run outside the checkout."""
    result = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from a clean copy of what a clone holds."""
    copy = tmp_path_factory.mktemp("source") / "clone"
    unwanted = shutil.ignore_patterns(
        "__pycache__", "*.egg-info", ".*", "build", "dist", "runs", "demo", "shared"
    )
    shutil.copytree(ROOT, copy, ignore=unwanted)
    out = copy.parent / "wheels"
    build = ("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", out)
    run(sys.executable, "-m", *build, copy, cwd=copy)
    (built,) = out.glob("*.whl")
    return built


def test_listed_packages_are_the_folders_that_hold_modules():
    found = {
        ".".join((package, *file.parent.relative_to(ROOT / folder).parts))
        for package, folder in TOP.items()
        for file in (ROOT / folder).rglob("*.py")
    }
    assert sorted(found) == SETUPTOOLS["packages"]


def test_every_package_has_an_init_so_that_type_checkers_find_it():
    for folder in TOP.values():
        for parent in {file.parent for file in (ROOT / folder).rglob("*.py")}:
            assert (parent / "__init__.py").is_file(), parent


def test_the_wheel_holds_every_module_and_asset_and_nothing_else(wheel: Path):
    wanted = {
        "/".join((*package.split("."), *file.relative_to(ROOT / folder).parts))
        for package, folder in TOP.items()
        for file in (ROOT / folder).rglob("*")
        if file.suffix in {".py", *DATA} or file.name == "finished"
    }
    further = {name for name in wanted if re.search(r"pretrained/locomotion/[^/]*-[1-9]/", name)}
    assert any(name.endswith("-1/model/tensors.safetensors") for name in further)
    with zipfile.ZipFile(wheel) as archive:
        files = [name for name in archive.namelist() if ".dist-info/" not in name]
        metadata = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        description = archive.read(metadata).decode()
    assert sorted(files) == sorted(wanted - further)
    assert "hyperdyn/py.typed" in files
    assert any(name.startswith("hyperdyn/assets/") and name.endswith(".xml") for name in files)
    assert "Name: hyperdyn-toolkit" in description
    assert {f"Provides-Extra: {extra}" for extra in ("push", "perception", "suite", "view")} <= set(
        description.splitlines()
    )


@pytest.mark.slow
def test_the_wheel_alone_works_beside_a_users_own_envs_and_planners(wheel: Path, tmp_path: Path):
    # Empty but for a pointer to the libraries already here, so that nothing is downloaded. A path
    # added by a .pth file comes last, and its own .pth files (an editable install) are not read.
    home = tmp_path / "empty"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    (site,) = (home / "lib").glob("python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = ("install", "--quiet", "--no-deps", "--no-index", wheel)
    run(sys.executable, "-m", "pip", "--python", python, *install, cwd=tmp_path)

    mine = tmp_path / "mine"
    for name in ("envs", "planners"):
        (mine / name).mkdir(parents=True)
        (mine / name / "__init__.py").write_text('OWNER = "the user"\n')
    (mine / "use.py").write_text(USE)
    where = run(python, "use.py", cwd=mine).strip()
    assert Path(where) == site / "hyperdyn"
    assert "usage: hyperdyn" in run(home / "bin" / "hyperdyn", "--help", cwd=mine)


def test_constraints_pin_exact_versions_and_cover_every_dependency():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in pins)
    pinned = {re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in pins}
    project = PROJECT["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *itertools.chain.from_iterable(extras)]
    names = {re.match(r"[\w.-]+", line)[0].replace("_", "-").lower() for line in wanted}
    assert names <= pinned
    assert "torch==2.13.0" in pins
    assert "mujoco==3.17.0" in pins


def test_the_version_is_said_once_the_same_way():
    import hyperdyn

    assert hyperdyn.__version__ == PROJECT["project"]["version"]
    assert f"## [{hyperdyn.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
