"""What generated dynamics are compared with: same encoder, same inputs, same network sizes."""

from hyperdyn.baselines.direct import Direct as Direct
from hyperdyn.baselines.film import FiLM as FiLM
