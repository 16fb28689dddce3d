"""Modules that a configuration and tensors rebuild: what every generator has of saving."""

import abc
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from torch import nn

from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.storage import from_config, read_folder, read_header, to_config, write_folder

AnySaved = TypeVar("AnySaved", bound="SavedModule")


class SavedModule(nn.Module, abc.ABC):
    """A module made from a frozen configuration, which its folder keeps beside the tensors.

    Args:
        config: Sizes, of the class's `config_type`.
        generator: Source of the initial weights, for subclasses to draw from.

    Raises:
        InputError: If the configuration is of another class.
    """

    kind: ClassVar[str]
    """The word that names a final class in folders and presets."""
    config_type: ClassVar[type[Any]]
    """The class of its configurations."""

    def __init__(self, config: Any, *, generator: torch.Generator) -> None:
        super().__init__()
        if not isinstance(config, self.config_type):
            raise InputError(
                f"A {self.kind!r} is made from a {self.config_type.__name__}; got a "
                f"{type(config).__name__}. Give one with the fields that this kind adds."
            )
        self.config = config

    def save(self, folder: str | Path) -> None:
        """Write configuration and tensors to a folder.

        Raises:
            CheckpointError: If it cannot be written; what stood there before is untouched.
        """
        write_folder(folder, self.kind, to_config(self.config), self.state_dict())

    @classmethod
    def read(cls: type[AnySaved], folder: Path) -> AnySaved:
        """Rebuild what `save` wrote, equal bit for bit.

        Raises:
            CheckpointError: If the folder is missing, damaged, foreign, or of another class.
        """
        config, tensors = read_folder(folder, cls.kind)
        module = cls(from_config(cls.config_type, config), generator=torch.Generator())
        try:
            module.load_state_dict(tensors)
        except RuntimeError as error:
            raise CheckpointError(
                f"The tensors in {folder} do not fit its sizes: {error}"
            ) from error
        return module.eval()


def read_any(folder: Path, kinds: Mapping[str, type[AnySaved]], what: str) -> AnySaved:
    """Rebuild a module of whichever of some kinds was saved.

    Args:
        folder: Where.
        kinds: Classes by their `kind`.
        what: What they are, in the plural.

    Raises:
        CheckpointError: If the folder is missing, damaged or holds something else.
    """
    kind = read_header(folder)["kind"]
    if kind not in kinds:
        raise CheckpointError(f"{folder} holds a {kind!r}; {what} are {', '.join(kinds)}.")
    return kinds[kind].read(folder)
