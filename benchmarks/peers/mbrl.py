"""mbrl-lib's trajectory optimizers: CEM, iCEM and MPPI, for one system at a time."""

import numpy as np
import torch
from mbrl.planning import CEMOptimizer, ICEMOptimizer, MPPIOptimizer
from torch import Tensor

from hyperdyn.benchmarks.peers import ModelMaker, Peer
from hyperdyn.benchmarks.problems import Problem
from hyperdyn.benchmarks.settings import Budget
from hyperdyn.benchmarks.timing import Call

KEPT_SHARE = 0.3
STD = 0.5


def build(problem: Problem, budget: Budget, make_model: ModelMaker) -> Peer:
    """Make its optimizers, one for each system, every plan starting from the one before."""
    E, N, H, A = problem.candidates.shape
    elites, device = budget.elites(problem.workload), problem.device
    kept = int(np.ceil(KEPT_SHARE * elites))
    bounds = {
        "lower_bound": (-np.ones((H, A))).tolist(),
        "upper_bound": np.ones((H, A)).tolist(),
        "device": device,
        "num_iterations": budget.iterations,
    }
    rollouts = [make_model(problem.system(index)) for index in range(E)]

    def optimizer(name: str) -> CEMOptimizer | ICEMOptimizer | MPPIOptimizer:
        if name == "cem":
            return CEMOptimizer(
                **bounds,
                population_size=N,
                elite_ratio=elites / N,
                alpha=0.1,
                clipped_normal=True,  # its truncated normal draws again and again
            )
        if name == "icem":
            # It adds the kept elites to its population; with them it rolls out N candidates.
            return ICEMOptimizer(
                **bounds,
                population_size=N - kept,
                elite_ratio=elites / (N - kept),
                population_decay_factor=1.0,
                colored_noise_exponent=1.0,
                keep_elite_frac=KEPT_SHARE,
                alpha=0.1,
            )
        return MPPIOptimizer(**bounds, population_size=N, gamma=1.0, sigma=STD, beta=0.9)

    def planning(name: str) -> Call:
        optimizers = [optimizer(name) for _ in range(E)]
        previous = [torch.zeros(H, A, device=device) for _ in range(E)]

        def plan() -> None:
            for index, (each, rollout) in enumerate(zip(optimizers, rollouts, strict=True)):
                previous[index] = each.optimize(
                    lambda population, rollout=rollout: rollout.returns(population[None])[0],
                    x0=previous[index],
                )

        return plan

    def returns(actions: Tensor) -> Tensor:
        pairs = zip(rollouts, actions.split(1), strict=True)
        return torch.cat([rollout.returns(mine) for rollout, mine in pairs])

    return Peer({name: planning(name) for name in ("cem", "icem", "mppi")}, returns)
