"""Rolling generated models forward: one dispatcher over the backends."""

from hyperdyn.rollout.dispatch import returns as returns
from hyperdyn.rollout.dispatch import rollout as rollout
