"""The environment of the peers: made the first time, with the same libraries everywhere."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import hyperdyn
from hyperdyn.errors import HyperdynError

REQUIREMENTS = Path(__file__).with_name("peers.txt")
STAMP = "installed.txt"
TORCH = "torch"


def ensure_environment(folder: Path, say: Callable[[str], object]) -> Path:
    """Make the peers' environment unless it is there as the requirements want it.

    Args:
        folder: Where; made anew if the requirements have changed.
        say: Told what takes long.

    Returns:
        Its interpreter.

    Raises:
        HyperdynError: If it cannot be made; what stands there is made anew the next time.
    """
    wanted = f"Python {sys.version_info.major}.{sys.version_info.minor}\n{REQUIREMENTS.read_text()}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    stamp = folder / STAMP
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    if folder.exists() and not stamp.is_file() and any(folder.iterdir()):
        raise HyperdynError(
            f"{folder} was not made by this command, which would empty it; name another folder "
            "with --environment."
        )
    say(f"Making the peers' environment in {folder}: some minutes and about 1.5 GB, once.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stamp.write_text("not finished\n")
    _run([sys.executable, "-m", "venv", str(folder)])
    pins = {
        line.split("==")[0]: line.split("#")[0].strip()
        for line in REQUIREMENTS.read_text().splitlines()
        if "==" in line.split("#")[0]
    }
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    say("  torch")
    _run([*install, "--constraint", str(REQUIREMENTS), pins[TORCH]])
    say("  the peers")
    _run([*install, "--no-deps", "--requirement", str(REQUIREMENTS)])
    stamp.write_text(wanted)
    return python


def _run(words: list[str]) -> None:
    result = subprocess.run(words, capture_output=True, text=True)
    if result.returncode != 0:
        tail = "\n".join((result.stderr or result.stdout).strip().splitlines()[-5:])
        raise HyperdynError(
            f"The peers' environment could not be made: {' '.join(words[:5])} … said\n{tail}\n"
            "Mend that and ask again, or measure without --peers."
        )


@contextmanager
def importable(folder: Path) -> Iterator[Path]:
    """A folder on whose path nothing but this package can be found."""
    folder.mkdir()
    link = folder / "hyperdyn"
    link.symlink_to(Path(hyperdyn.__file__).resolve().parent, target_is_directory=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
