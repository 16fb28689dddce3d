"""`hyperdyn evaluate perception`: how well a visual encoder reads a collection's pictures."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import tyro

from hyperdyn.cli.command import Command, Job, make_room_for, require_positive


@dataclass(frozen=True, kw_only=True)
class ScorePerception(Command):
    """Report what a visual encoder finds on collected pictures, and by camera.

    Recall and precision count boxes that share an IoU of at least 0.25 with an object's. The view
    from above is decoded from the code of what was found and compared with the object's footprint.
    """

    positionals: ClassVar[tuple[str, ...]] = ("encoder",)

    encoder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="ENCODER")]
    """A visual encoder's folder, or the run folder that holds it."""
    pictures: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Collection with images."""
    limit: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Look at no more than this many pictures; at all, unless given."""
    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Where to write the figures, by camera too."""

    def prepare(self) -> Job:
        """Check the numbers, load encoder and collection."""
        from hyperdyn.pushing import load_visual_encoder
        from hyperdyn.training.pushing import PushingDataset
        from hyperdyn.training.pushing.perception_scores import score_collection
        from hyperdyn.training.pushing.visual import RESULT

        if self.limit is not None:
            require_positive("--limit", self.limit)
        inside = self.encoder / RESULT
        encoder = load_visual_encoder(inside if inside.is_dir() else self.encoder)
        dataset = PushingDataset(self.pictures)
        if self.json is not None:
            make_room_for(self.json)

        def job() -> None:
            score = score_collection(encoder, dataset, limit=self.limit)
            told = score.overall
            print(
                f"{self.encoder} on {self.pictures}: {told.objects} objects on {told.scenes} "
                f"pictures, recall {told.recall:.1%}, precision {told.precision:.1%}, centres off "
                f"by {told.centre_error_mm:.1f} mm, box IoU {told.box_iou:.2f}, IoU of the view "
                f"from above {told.view_iou:.2f}"
            )
            for camera, part in score.by_camera.items():
                print(
                    f"  camera {camera}: recall {part.recall:.1%}, precision {part.precision:.1%}, "
                    f"{part.centre_error_mm:.1f} mm, view {part.view_iou:.2f}"
                )
            if self.json is not None:
                self.json.write_text(json.dumps(score.to_json(), indent=2) + "\n")
                print(f"Wrote {self.json}")

        return job
