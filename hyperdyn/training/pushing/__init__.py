"""Pushing data: the pushing policy, recorded episodes, collection by workers, and its reader."""

from hyperdyn.training.pushing.collection import collect as collect
from hyperdyn.training.pushing.configs import PRESETS as PRESETS
from hyperdyn.training.pushing.configs import CollectConfig as CollectConfig
from hyperdyn.training.pushing.dataset import PushingDataset as PushingDataset
from hyperdyn.training.pushing.dataset import ShardError as ShardError
from hyperdyn.training.pushing.episodes import PushingEpisodes as PushingEpisodes
from hyperdyn.training.pushing.episodes import PushingImages as PushingImages
from hyperdyn.training.pushing.policy import PushingPolicy as PushingPolicy
