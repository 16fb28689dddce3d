"""Train detection and view prediction on ray-cast scenes for a while, and score unseen ones.

Run `python -m tests.perception.fit_scenes 120` from the repository's root for two minutes of it.
"""

import math
import sys
import time
from dataclasses import dataclass

import numpy as np
import torch

from hyperdyn.perception import (
    DetectionScore,
    Views,
    VisualConfig,
    VisualEncoder,
    VisualTargets,
    image_iou,
    score_detections,
)
from tests.perception.scenes import MOST, random_bodies, targets_of, views_of

VIEWS = 9


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What training came to, on scenes never seen in it."""

    model: VisualEncoder
    detection: DetectionScore
    view_iou: float
    steps: int


def batch(rng: np.random.Generator, count: int) -> tuple[Views, VisualTargets]:
    """Scenes of one to three bodies from one of nine cameras each."""
    scenes = [random_bodies(rng, int(rng.integers(1, MOST + 1))) for _ in range(count)]
    azimuths = rng.integers(0, VIEWS, (count, 1)) * (math.pi / (VIEWS - 1)) - math.pi / 2
    return views_of(scenes, azimuths), targets_of(scenes)


def fit(seconds: float, *, seed: int = 0, scenes: int = 256, size: int = 8) -> Fit:
    """Train for a stated time on fixed scenes, and score 64 others from any camera."""
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    views, targets = batch(rng, scenes)
    held_views, held = batch(rng, 64)
    model = VisualEncoder(VisualConfig(), generator=generator)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
    start, steps = time.process_time(), 0
    while (spent := time.process_time() - start) < seconds:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * max(0.02, 0.5 + 0.5 * math.cos(math.pi * spent / seconds))
        index = torch.randint(scenes, (size,), generator=generator)
        losses = model.losses(model(views[index]), pick(targets, index), generator=generator)
        optimiser.zero_grad()
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        steps += 1
        if steps % 50 == 0:
            told = f"L_det {losses.detection:.3f}, L_vp {losses.view:.3f}"
            print(f"{spent:5.0f} s, step {steps}: {told}")
    detection, view_iou = evaluate(model, held_views, held)
    return Fit(model=model, detection=detection, view_iou=view_iou, steps=steps)


@torch.no_grad()
def evaluate(
    model: VisualEncoder, views: Views, targets: VisualTargets
) -> tuple[DetectionScore, float]:
    """Detection, and the mean IoU of predicted views from above."""
    scene = model(views)
    seen = model.decode(model.codes(model.features(scene.map, targets.boxes)[targets.present]))
    overlap = image_iou(seen, targets.top_down[targets.present]).mean()
    return score_detections(scene.detections, targets.boxes, targets.present), float(overlap)


def pick(targets: VisualTargets, index: torch.Tensor) -> VisualTargets:
    """Some of the scenes."""
    return VisualTargets(
        targets.boxes[index],
        targets.present[index],
        targets.top_down[index],
        targets.has_view[index],
        targets.detect[index],
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = fit(float(sys.argv[1]) if len(sys.argv) > 1 else 120.0)
    print(f"{found.steps} steps, unseen scenes: {found.detection}, view IoU {found.view_iou:.3f}")
    if len(sys.argv) > 2:
        from safetensors.torch import save_file

        save_file(found.model.state_dict(), sys.argv[2])
