"""Training batches of contexts × targets: one history, one generated model, M transitions.

That is what happens when planning, and it costs a fraction of a model per transition. The loss is
the paper's equation 1 in normalised units.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hyperdyn.errors import InputError
from hyperdyn.history import History
from hyperdyn.model import DynamicsGenerator
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.unrolled import Stretches, unrolled_loss

READ_AT_ONCE = 64  # batches: reading costs by the call more than by the window


@dataclass(frozen=True, kw_only=True)
class Windows:
    """B windows: K steps watched, then M transitions to predict."""

    history: History
    actions: Float[Tensor, "B M A"]
    states: Float[Tensor, "B M+1 S"]
    truth: Float[Tensor, "B Q"] | None = None
    """True properties when the history ends, for oracles."""

    def __getitem__(self, rows: slice) -> "Windows":
        """Select windows."""
        return Windows(
            history=self.history[rows],
            actions=self.actions[rows],
            states=self.states[rows],
            truth=None if self.truth is None else self.truth[rows],
        )


class WindowSampler:
    """Draws windows uniformly over all places where one fits.

    Args:
        episodes: Recorded data, on the device where windows are wanted.
        history_length: K.
        targets: M.
        truths: True properties at every state of every episode (`Task.truths`), for oracles.

    Raises:
        InputError: If no episode is K + M steps long.
    """

    def __init__(
        self,
        episodes: Episodes,
        history_length: int,
        targets: int,
        truths: Float[Tensor, "B _ Q"] | None = None,
    ) -> None:
        self.episodes = episodes
        self.truths = truths
        self.history_length = history_length
        self.targets = targets
        places = (episodes.lengths - history_length - targets + 1).clamp_min(0)
        if int(places.sum()) == 0:
            raise InputError(
                f"No episode has the {history_length + targets} steps a window needs (the longest "
                f"has {int(episodes.lengths.max())}); collect longer ones."
            )
        self._ends = places.cumsum(0)

    def __len__(self) -> int:
        """Number of different windows."""
        return int(self._ends[-1])

    def __getitem__(self, places: Int[Tensor, " B"]) -> Windows:
        """The windows at the given places, 0 to `len(self)` - 1."""
        places = places.to(self._ends.device)
        rows = torch.searchsorted(self._ends, places, right=True)
        first = torch.where(rows > 0, self._ends[rows - 1], 0)
        length = self.history_length
        steps = (places - first)[:, None] + torch.arange(
            length + self.targets + 1, device=places.device
        )
        states = self.episodes.states[rows[:, None], steps]
        actions = self.episodes.actions[rows[:, None], steps[:, :-1]]
        return Windows(
            history=History(states[:, :length], actions[:, :length]),
            actions=actions[:, length:],
            states=states[:, length:],
            truth=None if self.truths is None else self.truths[rows, steps[:, length]],
        )

    def epoch(self, contexts: int, generator: torch.Generator) -> Iterator[Windows]:
        """Draw batches of `contexts` windows until as many targets as recorded steps were seen.

        The generator is the processor's, so that every device sees the same batches.
        """
        batches = -(-self.episodes.num_steps // (contexts * self.targets))
        places = _draw(len(self), batches * contexts, generator)
        for some in places.split(READ_AT_ONCE * contexts):
            windows = self[some]
            for first in range(0, len(some), contexts):
                yield windows[first : first + contexts]


def window_loss(model: DynamicsGenerator, windows: Windows, unroll: int = 1) -> Float[Tensor, ""]:
    """Mean squared error of predicted changes, in units of their standard deviation.

    Of an ensemble it is the mean of the members' losses, not the loss of their mean.

    Args:
        model: Encodes each history and forms one network a window, or one for each member.
        windows: B windows of M targets.
        unroll: Steps predicted open loop before the next true state is given; divides M. At 1 every
            target starts from a true state (the paper's loss).

    Returns:
        The loss, a scalar.
    """
    networks = model.networks(windows.history, windows.truth)
    members = networks.shape[1] // model.config.network.num_parameters
    steps = (windows.actions.shape[1] // unroll, unroll)
    recorded = windows.states.repeat_interleave(members, dim=0)
    stretches = Stretches(
        starts=recorded[:, :-1:unroll],
        actions=windows.actions.repeat_interleave(members, dim=0).unflatten(1, steps),
        truth=recorded[:, 1:].unflatten(1, steps),
        anchor=model.anchor(windows.history.states).repeat_interleave(members, dim=0),
    )
    return unrolled_loss(model, networks.reshape(len(recorded), -1), stretches)


def training_loss(model: DynamicsGenerator, windows: Windows, unroll: int = 1) -> Float[Tensor, ""]:
    """What training lowers: `window_loss`, and what a model adds to it (CaDM's backward loss)."""
    loss = window_loss(model, windows, unroll)
    added = model.auxiliary_loss(windows.history, windows.actions, windows.states)
    return loss if added is None else loss + added


def masked(
    model: DynamicsGenerator, windows: Windows, share: float, generator: torch.Generator
) -> Windows:
    """Windows of which a random share of the watched steps carries no information.

    Each step is hidden for itself; it becomes the mean of the training data, which is zero to the
    encoder. The anchor, where the system stands, stays: the last watched state is never hidden.

    Args:
        model: Whose statistics count.
        windows: B windows.
        share: Probability with which a step is hidden, in [0, 1).
        generator: Source of the choice, the processor's.
    """
    states, actions = windows.history.states, windows.history.actions
    shape = (*states.shape[:2], 1)
    drawn = torch.rand(shape, generator=generator, device=generator.device)
    hidden = drawn.to(states.device) < share
    hidden[:, -1] = False
    blank = (model.anchor(states) + model.normaliser.state_mean)[:, None]
    history = History(
        torch.where(hidden, blank, states),
        torch.where(hidden, model.normaliser.action_mean, actions),
    )
    return replace(windows, history=history)


def fit_normaliser(
    model: DynamicsGenerator, episodes: Episodes, generator: torch.Generator, rows: int = 8192
) -> None:
    """Fit the model's statistics to windows of recorded data, fields as the networks see them."""
    episodes = episodes.to(model.device)
    sampler = WindowSampler(episodes, model.history_length, targets=1)
    windows = sampler[_draw(len(sampler), rows, generator)]
    history = windows.history
    anchor = model.anchor(history.states)
    model.normaliser.fit(
        (history.states - anchor[:, None]).flatten(0, 1),
        history.actions.flatten(0, 1),
        model.state_space.difference(windows.states[:, 0], windows.states[:, 1]),
    )


def _draw(places: int, count: int, generator: torch.Generator) -> Int[Tensor, " B"]:
    return torch.randint(places, (count,), generator=generator, device=generator.device)
