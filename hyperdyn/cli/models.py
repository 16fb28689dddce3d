"""MODEL on the command line: a generator, or the word for the environment's own simulator."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyperdyn.model import DynamicsGenerator
    from hyperdyn.training.collect import Simulator


def load_model(name: str) -> "DynamicsGenerator | Simulator":
    """Load the generator that MODEL names; the word "simulator" is no generator's name.

    Raises:
        UnknownNameError: If it is neither; lists the pretrained names.
        CheckpointError: If the folder is damaged or holds something else.
    """
    from hyperdyn import load_generator
    from hyperdyn.training.collect import SIMULATOR

    return SIMULATOR if name == SIMULATOR else load_generator(name)
