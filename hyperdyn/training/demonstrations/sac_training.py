"""Training one expert for all specifications of a task, in rounds that can be gone on with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from stable_baselines3 import SAC
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv

from hyperdyn.envs.suite.grids import GRIDS
from hyperdyn.storage import is_written, to_config
from hyperdyn.threads import intra_op_threads
from hyperdyn.training.demonstrations.conditioned_env import ConditionedEnv
from hyperdyn.training.demonstrations.policy_expert import PolicyExpert
from hyperdyn.training.demonstrations.recording import make_envs, run_expert
from hyperdyn.training.demonstrations.relabelling import RelabellingBuffer
from hyperdyn.training.demonstrations.sac_configs import SACConfig
from hyperdyn.training.demonstrations.sac_state import (
    actor_layers,
    load_state,
    reseed,
    save_state,
)
from hyperdyn.training.metrics import Metrics
from hyperdyn.training.run_folder import RUN_FILE, open_run
from hyperdyn.training.seeds import seed_for, torch_generator

POLICY_FOLDER = "policy"
CHECKPOINT_FOLDER = "checkpoint"


def train_sac(
    config: SACConfig, out: Path, *, on_steps: Callable[[int], None] = lambda steps: None
) -> Path:
    """Train an expert, or go on where its training was stopped; a round at most is done again.

    Kept is the policy of the round whose evaluation returned the most. stable-baselines3 draws from
    the generators of the whole process (torch, numpy, random), which are seeded for it here.

    Args:
        config: What to train.
        out: Run folder: new, empty, or one that was begun with the same `config`.
        on_steps: Called with numbers of environment steps made; at once with those found.

    Returns:
        The folder of the policy.

    Raises:
        CheckpointError: If `out` holds something else, or cannot be written.
    """
    open_run(config, out, resume=(out / RUN_FILE).exists())
    with intra_op_threads(1):
        return _train(config, out, on_steps)


def _train(config: SACConfig, out: Path, on_steps: Callable[[int], None]) -> Path:
    model = make_model(config)
    checkpoint = out / CHECKPOINT_FOLDER
    done, best = 0, -np.inf
    if is_written(checkpoint):
        progress = load_state(checkpoint, model)
        done, best = int(progress["rounds"]), float(progress["best"])
        on_steps(model.num_timesteps)
    metrics = Metrics(out, done)
    try:
        for number in range(done, config.rounds):
            reseed(model, seed_for(config.seed, "expert", number))
            model.learn(config.round_steps, callback=_Count(on_steps), reset_num_timesteps=False)
            settings = {"config": to_config(config), "round": number + 1}
            policy = PolicyExpert(config.task, actor_layers(model), settings)
            returns = evaluate(policy, config)
            metrics.write(
                number,
                {
                    "steps": model.num_timesteps,
                    "return": float(np.mean(returns)),
                    "returns": returns,
                },
            )
            if np.mean(returns) > best:
                best = float(np.mean(returns))
                policy.write(out / POLICY_FOLDER)
            save_state(checkpoint, model, {"rounds": number + 1, "best": best})
    finally:
        metrics.close()
        assert model.env is not None
        model.env.close()
    return out / POLICY_FOLDER


def evaluate(policy: PolicyExpert, config: SACConfig) -> list[float]:
    """Returns of an episode for each of some specifications, evenly spaced over the grid."""
    grid = GRIDS[config.task]
    count = min(config.evaluated, len(grid))
    rows = np.linspace(0, len(grid) - 1, count).round().astype(int)
    options = [dict(zip(grid.names, grid.values()[row].tolist(), strict=True)) for row in rows]
    seeds = [seed_for(config.seed, "evaluate", number) for number in range(count)]
    generator = torch_generator(config.seed, "evaluate")
    envs = make_envs(grid, count)
    try:
        shown = run_expert(envs, seeds, options, config.episode_steps, policy, generator)
    finally:
        for env in envs:
            env.close()
    return [0.0 if episode is None else float(episode["rewards"].sum()) for episode in shown]


class _Count(BaseCallback):
    def __init__(self, on_steps: Callable[[int], None]) -> None:
        super().__init__()
        self._on_steps = on_steps

    def _on_step(self) -> bool:
        self._on_steps(self.training_env.num_envs)
        return True


def make_model(config: SACConfig) -> SAC:
    """A learner that has not learnt anything yet."""
    grid = GRIDS[config.task]
    envs = DummyVecEnv([lambda: ConditionedEnv(grid)] * config.envs)
    return SAC(
        "MlpPolicy",
        envs,
        learning_rate=config.learning_rate,
        buffer_size=config.buffer,
        learning_starts=config.learning_starts,
        batch_size=config.batch,
        tau=config.target_rate,
        gamma=config.discount,
        gradient_steps=round(config.updates_per_step * config.envs),
        replay_buffer_class=RelabellingBuffer,
        replay_buffer_kwargs={"body": make_envs(grid, 1)[0], "share": config.relabelled},
        policy_kwargs={"net_arch": list(config.hidden)},
        device="cpu",
        seed=seed_for(config.seed, "model") % 2**31,
    )
