"""Demonstrations in memory, and the pairs of hindsight that are drawn from them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from hyperdyn.errors import CheckpointError, InputError, require_known
from hyperdyn.policies import GoalPairs
from hyperdyn.storage import from_config, is_written, read_folder
from hyperdyn.training.goals.demonstrations import KIND, GoalCollection, trial_folder
from hyperdyn.training.goals.views import SCENES, mirrored, poses, proprioception, shown
from hyperdyn.training.run_folder import RUN_FILE


@dataclass(frozen=True, kw_only=True)
class GoalEpisodes:
    """B episodes of at most T pushes; what stands behind an episode's end means nothing."""

    actions: Float[Tensor, "B T A"]
    lengths: Int[Tensor, " B"]
    """Pushes; at least one."""
    scenes: Shaped[Tensor, "B T+1 *scene"]
    """What was seen: poses, or pictures."""
    proprioception: Float[Tensor, "B T+1 Q"]
    positions: Float[Tensor, "B T+1 2"]
    """Of the object, m: what the detector of arrival is measured by."""

    def __len__(self) -> int:
        """B."""
        return len(self.lengths)

    @property
    def digest(self) -> str:
        """A word that changes when what was demonstrated does."""
        found = hashlib.sha256()
        for tensor in (self.scenes, self.proprioception, self.actions, self.lengths):
            found.update(tensor.contiguous().numpy().tobytes())
        return found.hexdigest()[:16]

    def moments(self) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"]]:
        """Episode and time of every frame that there is."""
        times = torch.arange(self.actions.shape[1] + 1)
        episode, time = (times <= self.lengths[:, None]).nonzero(as_tuple=True)
        return episode, time

    def with_mirrored(self) -> "GoalEpisodes":
        """These episodes, and behind them the same with the table's left and right changed over.

        Table, robot and camera are symmetric about the plane of x and z, and so is what is learned.
        """
        axes = self.scenes.ndim - 2
        return GoalEpisodes(
            actions=_both(self.actions, 1),
            lengths=self.lengths.repeat(2),
            scenes=_both(self.scenes, axes),
            proprioception=_both(self.proprioception, 1),
            positions=_both(self.positions, 1),
        )

    def draw(
        self,
        *,
        contexts: int,
        moments: int,
        frames: int,
        episodes: int,
        generator: torch.Generator,
    ) -> GoalPairs:
        """Pairs of hindsight: any two moments of an episode, the later one is the goal.

        Args:
            contexts: E, pairs.
            episodes: That they are of; fewer than pairs, and they share scenes, which are encoded
                once.
            moments: M, of each pair: the earlier one, then others drawn from it up to the goal.
            frames: L, that policies see; before the first one it was as it is in it.
            generator: The source of the draws.
        """
        drawn = torch.rand(contexts, moments + 2, generator=generator)
        among = torch.randint(len(self), (episodes,), generator=generator)
        episode = among[torch.randint(episodes, (contexts,), generator=generator)]
        length = self.lengths[episode]
        # Two different ones of length + 1 frames.
        one = (drawn[:, 0] * (length + 1)).long()
        other = (one + 1 + (drawn[:, 1] * length).long()) % (length + 1)
        start, goal = torch.minimum(one, other), torch.maximum(one, other)
        time = start[:, None] + (drawn[:, 2:] * (goal - start)[:, None]).long()
        time[:, 0] = start
        row = episode[:, None, None]
        seen = (time[..., None] + torch.arange(1 - frames, 2)).clamp(min=0)
        times = self.scenes.shape[1]
        places = torch.cat([(episode * times + goal), (row * times + seen).flatten()])
        distinct, place = places.unique(return_inverse=True)
        return GoalPairs(
            scenes=self.scenes.flatten(0, 1)[distinct],
            goal=place[:contexts],
            seen=place[contexts:].view_as(seen),
            proprioception=self.proprioception[row, seen[..., :-1]],
            actions=self.actions[row[..., 0], time],
        )


def read_episodes(folder: Path, scene: str) -> GoalEpisodes:
    """Read the trials that ended at the goal.

    Args:
        folder: What `hyperdyn collect goals` wrote.
        scene: What of it is seen, a name in `hyperdyn.training.goals.views.SCENES`.

    Raises:
        UnknownNameError: If there is no such scene.
        CheckpointError: If the folder holds no collection, or a trial is missing or damaged.
        InputError: If no trial ended at the goal.
    """
    require_known("scene", scene, SCENES)
    try:
        config = from_config(GoalCollection, json.loads((folder / RUN_FILE).read_text())["config"])
    except (OSError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder} holds no demonstrations ({error}); name what `hyperdyn collect goals` wrote."
        ) from error
    found: list[dict[str, Tensor]] = []
    for number in range(config.trials):
        if not is_written(trial_folder(folder, number)):
            raise CheckpointError(
                f"Trial {number} is missing in {folder}; repeat the command that began it."
            )
        about, tensors = read_folder(trial_folder(folder, number), KIND)
        if about["success"]:
            found.append(tensors)
    if not found:
        raise InputError(f"None of the {config.trials} trials in {folder} ended at the goal.")
    states = _padded([tensors["states"] for tensors in found])
    return GoalEpisodes(
        actions=_padded([tensors["actions"] for tensors in found]),
        lengths=torch.tensor([len(tensors["actions"]) for tensors in found]),
        scenes=poses(states) if scene == "state" else _pictures(found, scene),
        proprioception=proprioception(states),
        positions=states[..., :2],
    )


def _both(values: Tensor, axes: int) -> Tensor:
    return torch.cat([values, mirrored(values, axes)])


def _pictures(found: list[dict[str, Tensor]], scene: str) -> Tensor:
    return _padded([shown(tensors["pictures"], scene) for tensors in found])


def _padded(parts: list[Tensor]) -> Tensor:
    return pad_sequence(parts, batch_first=True)
