"""`hyperdyn demo`: the main job, shown."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hyperdyn.cli.command import Command, Job, require_positive
from hyperdyn.cli.contest import Entry, Outcome, run_entries

if TYPE_CHECKING:
    import numpy as np

ENV_ID = "hyperdyn/CheetahSlope-v0"
CONTENDERS: dict[str, str | None] = {
    "hyperdynamics": "cheetah-slope",
    "direct": "cheetah-slope-direct",
    "film": "cheetah-slope-film",
    "random": None,
}
SPLITS = ("seen", "novel-low", "novel-high")
FILMED = ("hyperdynamics", "direct", "random")
FILM_SPLIT = "seen"  # slopes drawn as in training, none of which any model has met
FIGURE_SPLITS = ("seen", "novel-high")
EVERY, FPS = 2, 12.5  # every second picture taken, at the speed things happened


@dataclass(frozen=True, kw_only=True)
class Demo(Command):
    """Plan a cheetah up slopes with models generated on the fly, beside the baselines and chance.

    Writes a table of returns and plans a second (results.md, results.json), a moving picture
    (demo.gif) and a figure of predicted against actual motion (prediction.png).
    """

    out: Path = Path("demo")
    """Folder for what is made."""
    episodes: int = 4
    """Episodes a contender and split; the table's intervals narrow with more."""
    seed: int = 0
    """Seed of slopes, initial states and plans."""

    def prepare(self) -> Job:
        """Check the numbers and the folder."""
        require_positive("--episodes", self.episodes)
        self.out.mkdir(parents=True, exist_ok=True)
        return self._run

    def _run(self) -> None:
        from tqdm import tqdm

        entries = [
            Entry(
                contender=name,
                model=model,
                env_id=ENV_ID,
                split=split,
                episodes=self.episodes,
                seed=self.seed,
            )
            for split in SPLITS
            for name, model in CONTENDERS.items()
        ]
        entries += [
            Entry(
                contender=name,
                model=CONTENDERS[name],
                env_id=ENV_ID,
                split=FILM_SPLIT,
                episodes=0,
                seed=self.seed,
            )
            for name in FILMED
        ]
        print("Watch 16 steps, generate a model, plan 500 sequences of 20 steps, act, again.")
        outcomes = [
            outcome
            for outcome in tqdm(
                run_entries(entries), total=len(entries), desc="episodes", leave=False
            )
        ]
        results = [outcome for outcome in outcomes if outcome.entry.episodes]
        films = {o.entry.contender: o for o in outcomes if not o.entry.episodes}
        _write_table(self.out, results)
        _write_film(self.out, [films[name] for name in FILMED])
        _write_figure(self.out, results)


def _write_table(out: Path, results: list[Outcome]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Return on {ENV_ID}: interquartile mean [95 % interval]")
    table.add_column("acts by")
    for split in SPLITS:
        table.add_column(split, justify="right")
    table.add_column("plans/s", justify="right")
    lines = [
        f"| acts by | {' | '.join(SPLITS)} | plans/s |",
        f"|---|{'--:|' * (len(SPLITS) + 1)}",
    ]
    record = {}
    for name in CONTENDERS:
        cells, speeds = [], []
        for split in SPLITS:
            found = next(o for o in results if (o.entry.contender, o.entry.split) == (name, split))
            if found.summary is None:
                continue
            low, high = found.summary.ci95
            cells.append(f"{found.summary.iqm:.0f} [{low:.0f}, {high:.0f}]")
            speeds.append(found.summary.plans_per_second or 0.0)
            record[f"{name} {split}"] = asdict(found.summary)
        cells.append(f"{min(speeds):.0f}" if min(speeds) else "–")
        table.add_row(name, *cells)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    Console(markup=False).print(table)
    (out / "results.md").write_text("\n".join(lines) + "\n")
    (out / "results.json").write_text(json.dumps(record, indent=2) + "\n")
    print(f"Wrote {out / 'results.md'} and {out / 'results.json'}")


def _write_film(out: Path, films: list[Outcome]) -> None:
    reason = next((film.unavailable for film in films if film.unavailable), "")
    try:
        import imageio  # noqa: F401
        import PIL  # noqa: F401
    except ImportError:
        reason = "imageio is not installed: pip install 'hyperdyn-toolkit[view]'."
    if reason:
        print(f"Left out demo.gif: {reason}")
        return
    from hyperdyn.cli.videos import write_video

    frames = [
        _stack([_labelled(film, index) for film in films])
        for index in range(0, min(len(film.frames) for film in films), EVERY)
    ]
    write_video(out / "demo.gif", frames, FPS)
    print(f"Wrote {out / 'demo.gif'}: new slopes, {', '.join(FILMED)} from top to bottom")


def _labelled(film: Outcome, index: int) -> "np.ndarray":
    import numpy as np
    from PIL import Image, ImageDraw

    picture = Image.fromarray(film.frames[index])
    height = picture.height
    picture = picture.crop((0, height // 6, picture.width, height - height // 6))
    text = f"{film.entry.contender}   {film.distance[index]:+.2f} m"
    ImageDraw.Draw(picture).text(
        (8, 6), text, fill="black", font_size=18, stroke_width=2, stroke_fill="white"
    )
    return np.asarray(picture)


def _stack(pictures: "list[np.ndarray]") -> "np.ndarray":
    import numpy as np

    return np.concatenate(pictures)


def _write_figure(out: Path, results: list[Outcome]) -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        print(
            "Left out prediction.png: matplotlib is not installed: "
            "pip install 'hyperdyn-toolkit[view]'."
        )
        return
    from hyperdyn import load_generator
    from hyperdyn.cli.prediction_figure import draw_predictions
    from hyperdyn.training.episodes import concatenate
    from hyperdyn.training.tasks import task_for

    models = {name: load_generator(model) for name, model in CONTENDERS.items() if model}
    episodes = {
        split: concatenate(
            [
                outcome.episodes
                for outcome in results
                if outcome.episodes is not None
                and outcome.entry.split == split
                and outcome.entry.model
            ]
        )
        for split in FIGURE_SPLITS
    }
    draw_predictions(out / "prediction.png", task_for(ENV_ID), models, episodes)
    print(f"Wrote {out / 'prediction.png'}")
