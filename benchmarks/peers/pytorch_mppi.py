"""pytorch-mppi: MPPI for one system, MPPI_Batched for several."""

import pytorch_mppi
import torch
from torch import Tensor

from hyperdyn.benchmarks.peers import ModelMaker, Peer
from hyperdyn.benchmarks.problems import CONTROL, Problem
from hyperdyn.benchmarks.settings import Budget

VARIANCE = 0.25


def build(problem: Problem, budget: Budget, make_model: ModelMaker) -> Peer:
    """Make its planner; `command` is one iteration, the first of a plan moves the plan on."""
    workload, reward = problem.workload, problem.reward
    model = make_model(problem)
    E, N, H, A = problem.candidates.shape
    start = problem.states.repeat_interleave(N, dim=0)
    one = torch.ones(A, device=problem.device)

    def dynamics(states: Tensor, actions: Tensor, t: int) -> Tensor:
        return model.step(states, actions)

    def cost(states: Tensor, actions: Tensor, t: int) -> Tensor:
        """Of the state after the action; what telescopes is charged at the end, all of it."""
        control = CONTROL * actions.square().sum(dim=-1)
        if reward.telescopes and t < H - 1:
            return control
        return control - reward.of_states(start, states)

    settings = {
        "dynamics": dynamics,
        "running_cost": cost,
        "nx": workload.state,
        "noise_sigma": VARIANCE * torch.eye(A, device=problem.device),
        "num_samples": N,
        "horizon": H,
        "device": problem.device,
        "u_min": -one,
        "u_max": one,
        "step_dependent_dynamics": True,
    }
    if E == 1:
        planner, states = pytorch_mppi.MPPI(**settings), problem.states[0]
    else:
        planner = pytorch_mppi.mppi.MPPI_Batched(**settings, num_envs=E)
        states = problem.states

    def mppi() -> None:
        for iteration in range(budget.iterations):
            planner.command(states, shift_nominal_trajectory=iteration == 0)

    def returns(actions: Tensor) -> Tensor:
        states, total = start, torch.zeros(E * N, device=problem.device)
        for t, step in enumerate(actions.flatten(0, 1).unbind(dim=1)):
            states = dynamics(states, step, t)
            total -= cost(states, step, t)
        return total.view(E, N)

    return Peer({"mppi": mppi}, returns)
