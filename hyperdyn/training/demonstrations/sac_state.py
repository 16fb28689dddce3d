"""The state of an expert's training between two rounds; nothing is unpickled to read it back."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3 import SAC
from torch import Tensor

from hyperdyn.errors import CheckpointError
from hyperdyn.storage import read_folder, write_folder
from hyperdyn.training.demonstrations.relabelling import RelabellingBuffer

KIND = "expert-training"
REMEMBERED = (
    "observations",
    "next_observations",
    "actions",
    "rewards",
    "dones",
    "timeouts",
    "measures",
)


def save_state(folder: Path, model: SAC, progress: dict[str, Any]) -> None:
    """Write networks, optimisers and buffer in one step.

    Raises:
        CheckpointError: If it cannot be written; the previous checkpoint is untouched.
    """
    buffer = _buffer(model)
    filled = buffer.buffer_size if buffer.full else buffer.pos
    tensors = {
        f"buffer.{name}": torch.from_numpy(getattr(buffer, name)[:filled]) for name in REMEMBERED
    }
    tensors["entropy"] = _entropy(model).detach()
    for part, state in model.get_parameters().items():
        if part.endswith("optimizer"):
            for index, values in state["state"].items():
                tensors |= {f"{part}/{index}/{name}": value for name, value in values.items()}
        else:
            tensors |= {f"{part}/{name}": value for name, value in state.items()}
    config = {
        **progress,
        "steps": model.num_timesteps,
        "updates": model._n_updates,
        "place": buffer.pos,
        "full": buffer.full,
    }
    write_folder(folder, KIND, config, tensors)


def load_state(folder: Path, model: SAC) -> dict[str, Any]:
    """Put a checkpoint's numbers into a model just made; returns the progress saved with them.

    Raises:
        CheckpointError: If it is damaged, or of a model of another size.
    """
    config, tensors = read_folder(folder, KIND)
    buffer = _buffer(model)
    try:
        for name in REMEMBERED:
            stored = tensors[f"buffer.{name}"].numpy()
            getattr(buffer, name)[: len(stored)] = stored
        buffer.pos, buffer.full = config.pop("place"), config.pop("full")
        model.num_timesteps, model._n_updates = config.pop("steps"), config.pop("updates")
        _entropy(model).data.copy_(tensors["entropy"])
        model.set_parameters(_parameters(model, tensors), exact_match=True)
    except (KeyError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"{folder} does not fit this expert ({error}); repeat the options it was begun with, "
            "or name another folder."
        ) from error
    return config


def actor_layers(model: SAC) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases of the mean action, layer by layer."""
    actor: Any = model.policy.actor
    layers = [layer for layer in actor.latent_pi if isinstance(layer, torch.nn.Linear)]
    return [
        (layer.weight.detach().clone(), layer.bias.detach().clone())
        for layer in (*layers, actor.mu)
    ]


def _parameters(model: SAC, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The tensors in the form that `SAC.set_parameters` takes."""
    found: dict[str, Any] = {}
    for part, state in model.get_parameters().items():
        own = {
            k.removeprefix(f"{part}/"): v for k, v in tensors.items() if k.startswith(f"{part}/")
        }
        if part.endswith("optimizer"):
            moments: dict[int, dict[str, Tensor]] = {}
            for key, value in own.items():
                index, name = key.split("/")
                moments.setdefault(int(index), {})[name] = value
            found[part] = {**state, "state": moments}
        else:
            found[part] = own
    return found


def _buffer(model: SAC) -> RelabellingBuffer:
    assert isinstance(model.replay_buffer, RelabellingBuffer)
    return model.replay_buffer


def _entropy(model: SAC) -> Tensor:
    assert model.log_ent_coef is not None
    return model.log_ent_coef


def reseed(model: SAC, seed: int) -> None:
    """Begin all random streams of a round, and its episodes, anew."""
    _buffer(model).rng = np.random.default_rng(seed)
    model.set_random_seed(seed % 2**31)
    model._last_obs = None
