"""Toy systems with known answers, and the planners every conformance test runs over."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from hyperdyn.planners import CEM, ICEM, MPPI, Planner, RandomShooting

Spoil = Callable[[Tensor, Tensor], Tensor]


@dataclass
class Linear:
    """E linear systems s' = A s + B a; `spoil(states, actions)` may put non-numbers in."""

    a: Tensor  # E S S
    b: Tensor  # E S A
    spoil: Spoil | None = None
    seen_states: list[Tensor] = field(default_factory=list)
    seen_actions: list[Tensor] = field(default_factory=list)

    @property
    def num_systems(self) -> int:
        return len(self.b)

    @property
    def state_dim(self) -> int:
        return self.b.shape[1]

    @property
    def action_dim(self) -> int:
        return self.b.shape[2]

    def rollout(self, states: Tensor, actions: Tensor) -> Tensor:
        self.seen_states.append(states)
        self.seen_actions.append(actions.clone())
        trajectory = [states[:, None].expand(-1, actions.shape[1], -1)]
        for step in range(actions.shape[2]):
            moved = trajectory[-1] @ self.a.mT + actions[:, :, step] @ self.b.mT
            trajectory.append(moved)
        rolled = torch.stack(trajectory, dim=2)
        return rolled if self.spoil is None else self.spoil(rolled, actions)


def _point_masses(gains: list[float], axes: int = 1, dt: float = 0.2, **options: object) -> Linear:
    """One double integrator an axis for each gain: state (positions, velocities)."""
    eye, zero = torch.eye(axes), torch.zeros(axes, axes)
    a = torch.cat([torch.cat([eye, dt * eye], 1), torch.cat([zero, eye], 1)], 0)
    b = torch.cat([zero, dt * eye], 0)
    gain = torch.tensor(gains)[:, None, None]
    return Linear(a.expand(len(gains), -1, -1), gain * b, **options)  # type: ignore[arg-type]


@pytest.fixture
def point_masses() -> Callable[..., Linear]:
    return _point_masses


@pytest.fixture
def goal() -> Callable[[Tensor, Tensor], Tensor]:
    """Minus squared distance from the origin and a little control: never positive."""

    def quadratic(states: Tensor, actions: Tensor) -> Tensor:
        return -states[:, :, 1:].square().sum((-2, -1)) - 0.1 * actions.square().sum((-2, -1))

    return quadratic


@pytest.fixture
def best_return() -> Callable[[Linear, Tensor, int], Tensor]:
    """The most that `goal` allows without bounds, in closed form: least squares over the plan."""

    def solve(dynamics: Linear, state: Tensor, horizon: int) -> Tensor:
        values = []
        a, b, state = dynamics.a.double(), dynamics.b.double(), state.double()
        for system in range(dynamics.num_systems):
            free, forced = state[system], torch.zeros(a.shape[1], horizon * b.shape[2]).double()
            rows, target = [], []
            for step in range(horizon):
                free, forced = a[system] @ free, a[system] @ forced
                columns = slice(step * b.shape[2], (step + 1) * b.shape[2])
                forced[:, columns] += b[system]
                rows.append(forced)
                target.append(-free)
            effort = 0.1**0.5 * torch.eye(forced.shape[1]).double()
            matrix = torch.cat([*rows, effort])
            wanted = torch.cat([*target, torch.zeros(len(effort)).double()])
            plan = torch.linalg.lstsq(matrix, wanted).solution
            values.append(-(matrix @ plan - wanted).square().sum())
        return torch.stack(values).float()

    return solve


@pytest.fixture(params=["random shooting", "cem", "icem", "mppi"])
def make_planner(request: pytest.FixtureRequest) -> Callable[..., Planner]:
    """Each planner in turn, small enough for a test."""

    def make(**options: object) -> Planner:
        settings = {"horizon": 6, "samples": 100, **options}
        if request.param == "random shooting":
            return RandomShooting(**settings)  # type: ignore[arg-type]
        if request.param == "mppi":
            return MPPI(**{"iterations": 3, **settings})  # type: ignore[arg-type]
        few = max(1, settings["samples"] // 10)
        kind = {"cem": CEM, "icem": ICEM}[request.param]
        return kind(**{"iterations": 3, "elites": few, **settings})  # type: ignore[arg-type]

    return make
