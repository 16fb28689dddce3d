"""Rolling generated models forward: one dispatcher over the backends."""

from hyperdyn.rollout.dispatch import Scorer as Scorer
from hyperdyn.rollout.dispatch import rollout as rollout
from hyperdyn.rollout.dispatch import scorer as scorer
