"""Collecting demonstrations with several processes, a specification each, so that none is lost.

A shard follows from the configuration, the expert and its number alone, and is written in one step:
a collection that was stopped at any moment goes on where it was.
"""

import json
from collections.abc import Callable
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperdyn.errors import CheckpointError, HyperdynError
from hyperdyn.storage import is_written, to_config
from hyperdyn.threads import intra_op_threads
from hyperdyn.training.demonstrations.configs import DemonstrationConfig
from hyperdyn.training.demonstrations.dataset import (
    DESCRIPTION_FILE,
    Demonstrations,
    read_description,
    read_shard,
    shard_folder,
)
from hyperdyn.training.demonstrations.experts import PLANNERS, Expert
from hyperdyn.training.demonstrations.planner_expert import PlannerExpert, PlannerSettings
from hyperdyn.training.demonstrations.policy_expert import PolicyExpert
from hyperdyn.training.demonstrations.recording import record_specification, write_specification
from hyperdyn.training.processes import processes

EXPERT_FOLDER = "expert"
CHOICE_FILE = "choice.json"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a worker gets its expert from: a planner's settings, or a policy's folder."""

    planner: PlannerSettings | None = None
    """Of the planner on the true simulator."""
    policy: Path | None = None
    """Where a trained policy stands."""

    def expert(self) -> Expert:
        """Make the expert.

        Raises:
            CheckpointError: If the policy cannot be read.
            HyperdynError: If neither is given.
        """
        if self.policy is not None:
            return PolicyExpert.read(self.policy)
        return PlannerExpert(self._planner())

    def settings(self) -> dict[str, Any]:
        """All that the expert is made of, as JSON values.

        Raises:
            CheckpointError: If the policy cannot be read.
        """
        if self.policy is not None:
            return PolicyExpert.read(self.policy).settings
        return dict(to_config(self._planner()))

    def _planner(self) -> PlannerSettings:
        if self.planner is None:
            raise HyperdynError("An expert is a planner or a policy; give the settings of one.")
        return self.planner


def planner_source(task: str) -> Source:
    """The planner with the settings of the task's body."""
    return Source(planner=PLANNERS[task.split("-")[0]])


def collect(
    config: DemonstrationConfig,
    source: Source,
    out: Path,
    *,
    workers: int,
    on_episodes: Callable[[int], None] = lambda count: None,
) -> Demonstrations:
    """Collect what is not there yet.

    Args:
        config: What to show.
        source: Who shows it.
        out: Folder: new, empty, or one that was begun with the same `config` and expert.
        workers: Processes that simulate.
        on_episodes: Called with a number of episodes when they are finished; at once with the
            number of those found there.

    Raises:
        ShardError: If a shard found there is damaged.
        CheckpointError: If `out` holds something else, or cannot be written.
        HyperdynError: If a worker failed. Finished shards stay.
    """
    _open(config, source, out)
    missing = []
    for row in config.ids:
        if is_written(shard_folder(out, row)):
            read_shard(out, config, row)
            on_episodes(config.trajectories)
        else:
            missing.append(row)
    if workers == 1:
        for row in missing:
            _show(config, source, out, row)
            on_episodes(config.trajectories)
    elif missing:
        _show_together(config, source, out, missing, min(workers, len(missing)), on_episodes)
    return Demonstrations.read(out)


def _show_together(
    config: DemonstrationConfig,
    source: Source,
    out: Path,
    rows: list[int],
    workers: int,
    on_episodes: Callable[[int], None],
) -> None:
    with processes(workers) as pool:
        jobs = [pool.submit(_show, config, source, out, row) for row in rows]
        try:
            for job in as_completed(jobs):
                job.result()
                on_episodes(config.trajectories)
        except BrokenProcessPool as error:
            raise HyperdynError(
                "A process that showed a specification was killed (too little memory?). Finished "
                "specifications stay; the same command goes on."
            ) from error


def _show(config: DemonstrationConfig, source: Source, out: Path, row: int) -> None:
    with intra_op_threads(1):
        recorded, attempts = record_specification(config, row, source.expert())
    write_specification(out, config, row, recorded, attempts)


def _open(config: DemonstrationConfig, source: Source, out: Path) -> None:
    """Begin a folder, or find the one begun.

    Raises:
        CheckpointError: If the folder holds something else.
    """
    file = out / DESCRIPTION_FILE
    temporary = file.with_suffix(".writing")
    wanted = json.loads(json.dumps({"config": to_config(config), "expert": source.settings()}))
    if file.exists():
        found, settings = read_description(out)
        if json.loads(json.dumps({"config": to_config(found), "expert": settings})) != wanted:
            raise CheckpointError(
                f"{out} holds other demonstrations ({found} of {settings}); name a new folder, or "
                "repeat the options it was begun with."
            )
        return
    allowed = {temporary.name, EXPERT_FOLDER, CHOICE_FILE}
    if out.is_file() or (out.is_dir() and any(p.name not in allowed for p in out.iterdir())):
        raise CheckpointError(f"{out} is not empty and holds no demonstrations; name a new folder.")
    out.mkdir(parents=True, exist_ok=True)
    temporary.write_text(json.dumps(wanted, indent=2) + "\n")
    temporary.replace(file)
