"""MODEL on the command line: a generator, or the word for the environment's own simulator."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hyperdyn.model import DynamicsGenerator
    from hyperdyn.training.collect import Simulator


def load_model(name: str, device: str) -> "DynamicsGenerator | Simulator":
    """Load the generator that MODEL names; the word "simulator" is no generator's name.

    Args:
        name: What was given as MODEL.
        device: Where the generator is to stand, cpu or cuda.

    Raises:
        UnknownNameError: If it is neither, lists the pretrained names; or for another device.
        CheckpointError: If the folder is damaged or holds something else.
        InputError: If there is no such device, or for the simulator on a GPU.
    """
    from hyperdyn import load_generator
    from hyperdyn.errors import InputError
    from hyperdyn.training.collect import SIMULATOR
    from hyperdyn.training.distributed import require_device

    require_device(device)
    if name != SIMULATOR:
        return load_generator(name).to(device)
    if device != "cpu":
        raise InputError(f"The environment's own simulator runs on the cpu; got --device {device}.")
    return SIMULATOR
