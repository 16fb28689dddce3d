"""What a collection holds: every number that its episodes follow from."""

from dataclasses import dataclass, replace

from hyperdyn.envs.pushing.base import POOLS
from hyperdyn.errors import InputError, require_known

KINDS = ("push", "shapes")


@dataclass(frozen=True, kw_only=True)
class CollectConfig:
    """A collection of episodes. The same configuration gives the same numbers.

    Raises:
        InputError: If a count cannot be.
        UnknownNameError: If the kind or the split is unknown.
    """

    episodes: int
    """How many, cut ones included."""
    kind: str = "push"
    """"push": random pushes. "shapes": no push, one to three objects seen by a random camera."""
    images: bool = False
    """Whether the beginning of each episode is seen from one of the nine cameras, at random."""
    split: str = "seen"
    """Whose objects: "seen" (training) or "novel"."""
    seed: int = 0
    """Of every random number, together with an episode's place in the collection."""
    pushes: int = 5
    """Length of an episode that is not cut."""
    per_system: int = 2
    """Episodes in a row with the same object, mass and friction: one tells what is pushed, another
    is predicted (N of equation 1)."""
    shard_episodes: int = 500
    """Episodes that are written together."""
    time_step: float = 1 / 240
    """Seconds a physics step."""

    def __post_init__(self) -> None:
        require_known("kind of collection", self.kind, KINDS)
        require_known("split", self.split, POOLS)
        for name in ("episodes", "pushes", "per_system", "shard_episodes"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1; got {getattr(self, name)}.")
        if self.shard_episodes % self.per_system:
            raise InputError(
                f"shard_episodes must be a multiple of per_system, {self.per_system}, so that no "
                f"system is torn apart; got {self.shard_episodes}."
            )
        if self.seed < 0:
            raise InputError(f"seed must not be negative; got {self.seed}.")

    @property
    def num_shards(self) -> int:
        """How many shards the episodes fill, the last of them perhaps in part."""
        return -(-self.episodes // self.shard_episodes)

    def rows(self, shard: int) -> range:
        """The episodes of a shard, by their place in the collection."""
        first = shard * self.shard_episodes
        return range(first, min(first + self.shard_episodes, self.episodes))


_PAPER = CollectConfig(episodes=50_000, images=True)

PRESETS = {"paper": _PAPER, "quick": replace(_PAPER, episodes=500, shard_episodes=50)}
"""The paper's number of trajectories, and a hundredth of it for a quick look."""
