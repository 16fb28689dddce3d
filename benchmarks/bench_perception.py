"""From one RGB-D frame to boxes and a shape code, stage by stage, and the yaw ring's lookup."""

from collections.abc import Callable
from typing import Any

import torch

from hyperdyn.benchmarks.peak import Peak
from hyperdyn.benchmarks.plugin import Record
from hyperdyn.benchmarks.settings import Settings
from hyperdyn.benchmarks.timing import Call, Key, Rounds, Spread
from hyperdyn.perception import Views, VisualConfig, VisualEncoder, unproject

PIXELS = 128
RING = 32
CANDIDATES = 30  # codes looked up at once: the candidates of the paper's random shooting
ABOVE = 1.0  # metres


def bench_perception(
    settings: Settings,
    peak: Peak,
    generator: torch.Generator,
    record: Record,
    run_rounds: Callable[[Rounds], None],
    benchmark: Any,
) -> None:
    """Measure one frame with the default sizes."""
    model = VisualEncoder(VisualConfig(), generator=generator).eval()
    with torch.no_grad():
        found = _calls(model, _block_from_above())
        calls = {Key("perception", task): call for task, call in found.items()}
        rounds = Rounds(calls, peak.call, slot=settings.slot, threads=settings.threads)
        run_rounds(rounds)
    rows = [
        {"task": key.task, "ms": 1e3 * Spread.of(taken).median}
        for key, taken in rounds.busy.items()
    ]
    failed = {" ".join(key): why for key, why in rounds.failed.items()}
    benchmark.extra_info["rows"] = rows
    record("perception", {"rows": rows, "rounds": rounds.count, "missing": failed})


def _block_from_above() -> Views:
    """A block under a camera that looks straight down; what is seen does not change the cost."""
    depth = torch.full((1, 1, PIXELS, PIXELS), ABOVE)
    depth[..., 50:66, 60:76] -= 0.05
    intrinsics = torch.tensor([[150.0, 0, PIXELS / 2], [0, 150.0, PIXELS / 2], [0, 0, 1]])
    pose = torch.diag(torch.tensor([1.0, -1, -1, 1]))
    pose[2, 3] = ABOVE
    return Views(0.5 + 0 * depth[:, :, None].repeat(1, 1, 3, 1, 1), depth, *_each(intrinsics, pose))


def _each(*matrices: torch.Tensor) -> list[torch.Tensor]:
    return [matrix[None, None] for matrix in matrices]


def _calls(model: VisualEncoder, views: Views) -> dict[str, Call]:
    config = model.config
    features = model.image_encoder(views, config.volume.size[2])
    unprojected = unproject(views, features, config.volume, config.shell)
    scene, columns = model.map_network(unprojected)
    box = torch.tensor([[[0.0, 0, 0.025, 0.1, 0.1, 0.05]]])
    mixed = model.features(scene, box)[0]
    ring = model.ring(mixed, count=RING)
    yaw = torch.linspace(-3, 3, CANDIDATES)
    copies = mixed.expand(CANDIDATES, -1, -1, -1)

    def frame() -> None:
        model.features(model(views).map, box)

    return {
        "frame to mixed crop": frame,
        "image encoder": lambda: model.image_encoder(views, config.volume.size[2]),
        "unprojection": lambda: unproject(views, features, config.volume, config.shell),
        "map": lambda: model.map_network(unprojected),
        "detection": lambda: model.detector.decode(model.detector(columns)),
        "mixed crop": lambda: model.features(scene, box),
        "shape code": lambda: model.codes(mixed),
        "shape codes, exact": lambda: model.codes(copies, yaw),
        "shape codes, ring": lambda: ring.at(yaw[None]),
        "ring": lambda: model.ring(mixed, count=RING),
    }
