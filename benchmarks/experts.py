"""Soft actor-critic for many tasks at once, against one task at a time: steps a second, returns."""

import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from jaxtyping import Float

from hyperdyn.envs import make
from hyperdyn.envs.meta import FAMILIES
from hyperdyn.errors import InputError
from hyperdyn.training.experts.configs import ExpertsConfig
from hyperdyn.training.experts.lockstep import make_learner, make_replay
from hyperdyn.training.experts.rounds import evaluate
from hyperdyn.training.experts.training import make_round
from hyperdyn.training.experts.worlds import MetaWorlds
from hyperdyn.training.seeds import seed_for

BATCH, ALONE, PEER = "batch", "one at a time", "stable-baselines3"


@dataclass(frozen=True, kw_only=True)
class ExpertRun:
    """One learner, after its last step."""

    who: str
    """`BATCH`, `ALONE` or `PEER`."""
    tasks: tuple[int, ...]
    """Those it learnt together."""
    seconds: float
    """Of the steps with learning."""
    processor_seconds: float
    """Of this process in them: what other work on the machine does not change so much."""
    steps: int
    """Steps with learning, of each task."""
    returns: list[list[float]]
    """Of each task, of episodes without noise."""

    @property
    def rate(self) -> float:
        """Tasks times steps a second."""
        return len(self.tasks) * self.steps / self.seconds

    @property
    def processor_rate(self) -> float:
        """Tasks times steps a second of the processor."""
        return len(self.tasks) * self.steps / self.processor_seconds


def learn_ours(config: ExpertsConfig, who: str, on_steps: Callable[[int], object]) -> ExpertRun:
    """Make all rounds of a run; those of random actions are not timed."""
    worlds = MetaWorlds(config.family, config.tasks)
    try:
        learner, optimiser = make_learner(config, worlds)
        replay = make_replay(config, worlds)
        clock = processor = 0.0
        for number in range(config.rounds):
            if number * config.round_steps == config.learning_starts:
                clock, processor = time.perf_counter(), time.process_time()
            make_round(config, number).play(
                worlds, learner, optimiser, replay, lambda: on_steps(len(config.tasks))
            )
        seconds = time.perf_counter() - clock
        processor_seconds = time.process_time() - processor
        returns = evaluate(
            worlds, learner, config.tasks, episodes=config.evaluated, seed=config.seed
        )
    finally:
        worlds.close()
    return ExpertRun(
        who=who,
        tasks=config.tasks,
        seconds=seconds,
        processor_seconds=processor_seconds,
        steps=config.steps - config.learning_starts,
        returns=returns.tolist(),
    )


def learn_with_peer(
    config: ExpertsConfig, task: int, on_steps: Callable[[int], object]
) -> ExpertRun:
    """Let stable-baselines3 learn one task with the same numbers, on the CPU.

    Raises:
        InputError: If it is not installed.
    """
    require_peer()
    from stable_baselines3 import SAC

    env = _OneTask(make(FAMILIES[config.family].env_id), task)
    model = SAC(
        "MlpPolicy",
        env,
        learning_rate=config.sac.learning_rate,
        buffer_size=min(config.buffer, config.steps),
        learning_starts=config.learning_starts,
        batch_size=config.sac.batch,
        tau=config.sac.target_rate,
        gamma=config.sac.discount,
        policy_kwargs={"net_arch": list(config.sac.hidden)},
        seed=seed_for(config.seed, "model", task) % 2**31,
        device="cpu",
    )
    model.learn(config.learning_starts)
    steps = config.steps - config.learning_starts
    clock, processor = time.perf_counter(), time.process_time()
    model.learn(steps, reset_num_timesteps=False)
    seconds, processor_seconds = time.perf_counter() - clock, time.process_time() - processor
    on_steps(config.steps)

    def act(seen: Float[np.ndarray, " O"]) -> Float[np.ndarray, " A"]:
        return np.asarray(model.predict(seen, deterministic=True)[0], dtype=np.float64)

    starts = [seed_for(config.seed, "evaluate", task, n) for n in range(config.evaluated)]
    returns = [_episode(env, act, seed) for seed in starts]
    env.close()
    return ExpertRun(
        who=PEER,
        tasks=(task,),
        seconds=seconds,
        processor_seconds=processor_seconds,
        steps=steps,
        returns=[returns],
    )


def require_peer() -> None:
    """Refuse to compare with what is not installed.

    Raises:
        InputError: Saying how to get it.
    """
    if importlib.util.find_spec("stable_baselines3") is None:
        raise InputError(
            "The comparison needs stable-baselines3; get it with pip install "
            "'hyperdyn-toolkit[experts]', or leave --peer out."
        )


def summarise(runs: Sequence[ExpertRun]) -> dict[str, dict[str, Any]]:
    """Each learner: tasks times steps a second (median over its runs), returns by task."""
    found = {}
    for who in dict.fromkeys(run.who for run in runs):
        own = [run for run in runs if run.who == who]
        found[who] = {
            "tasks_at_once": len(own[0].tasks),
            "task_steps_per_second": float(np.median([run.rate for run in own])),
            "task_steps_per_processor_second": float(
                np.median([run.processor_rate for run in own])
            ),
            "steps_with_learning": own[0].steps,
            "returns": {
                task: returns
                for run in own
                for task, returns in zip(run.tasks, run.returns, strict=True)
            },
        }
    return found


class _OneTask(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment of a family that always has the same task."""

    def __init__(self, env: gymnasium.Env[Any, Any], task: int) -> None:
        super().__init__(env)
        self._task = task

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Begin an episode of the task."""
        return super().reset(seed=arguments.get("seed"), options={"task": self._task})


def _episode(
    env: gymnasium.Env[Any, Any],
    act: Callable[[Float[np.ndarray, " O"]], Float[np.ndarray, " A"]],
    seed: int,
) -> float:
    seen, _ = env.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        seen, reward, terminated, truncated, _ = env.step(act(seen))
        total += float(reward)
        over = terminated or truncated
    return total
