"""Batched soft actor-critic: rows are independent, it learns, it resumes exactly, it is stored."""

import dataclasses

import numpy as np
import pytest
import torch

from hyperdyn.envs.control import Pendulum
from hyperdyn.errors import CheckpointError, HyperdynError, InputError, UnknownNameError
from hyperdyn.networks import MLPSpec, batched_mlp
from hyperdyn.training.experts import lockstep, training
from hyperdyn.training.experts.configs import ExpertsConfig, SACSettings, experts_preset
from hyperdyn.training.experts.learner import Batch, BatchedSAC, heads
from hyperdyn.training.experts.policies import ExpertPolicies, collected, task_folder
from hyperdyn.training.experts.replay import Replay
from hyperdyn.training.experts.rounds import evaluate
from hyperdyn.training.experts.training import collect_policies
from hyperdyn.training.experts.worlds import MetaWorlds
from hyperdyn.training.metrics import read_metrics

SMALL = SACSettings(hidden=(32, 32), batch=32)
TINY = ExpertsConfig(
    family="cheetah-vel",
    tasks=(3, 20, 2),
    sac=dataclasses.replace(SMALL, batch=8),
    steps=60,
    round_steps=20,
    learning_starts=20,
    buffer=40,
    kept_from=30,
    kept_every=10,
    evaluate_every=2,
    evaluated=1,
)


class Pendulums:
    """Pendulums of several masses; an observation is the angle's cosine and sine, and its rate."""

    observation_dim, action_dim, horizon = 3, 1, 100

    def __init__(self, masses):
        self.body = Pendulum(masses=masses)
        self.states = self.body.hanging()

    def reset(self, row, seed):
        rng = np.random.default_rng(seed)
        start = [rng.uniform(-np.pi, np.pi), rng.uniform(-1, 1)]
        self.states[row] = torch.tensor(start, dtype=torch.float32)
        return self.observations()[row]

    def step(self, actions):
        torques = torch.tensor(actions, dtype=torch.float32)[:, None, None] * self.body.torque
        states = self.body.rollout(self.states, torques)
        rewards = self.body.returns(states, torques)[:, 0].double().numpy()
        self.states = states[:, 0, -1]
        return self.observations(), rewards, np.zeros(len(actions), dtype=bool)

    def observations(self):
        angle, rate = self.states.double().unbind(-1)
        return torch.stack((angle.cos(), angle.sin(), rate), -1).numpy()

    def close(self):
        pass


def config(tasks, **changes):
    base = ExpertsConfig(
        family="cheetah-vel",
        tasks=tasks,
        sac=SMALL,
        steps=60,
        round_steps=20,
        learning_starts=20,
        buffer=60,
        kept_from=60,
    )
    return dataclasses.replace(base, **changes)


def trained(settings, worlds):
    """The learner after all rounds, and what the rounds returned."""
    learner, optimiser = lockstep.make_learner(settings, worlds)
    replay = lockstep.make_replay(settings, worlds)
    played = [
        training.make_round(settings, number).play(worlds, learner, optimiser, replay)
        for number in range(settings.rounds)
    ]
    return learner, played


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody stopped."""
    folder = tmp_path_factory.mktemp("experts") / "whole"
    collect_policies(TINY, folder)
    return folder


def test_a_task_learns_in_a_batch_what_it_learns_alone():
    masses = {3: 0.8, 7: 1.2}
    together, played = trained(config(tuple(masses)), Pendulums(tuple(masses.values())))
    for row, (task, mass) in enumerate(masses.items()):
        alone, own = trained(config((task,)), Pendulums((mass,)))
        torch.testing.assert_close(together.actors[row], alone.actors[0], rtol=1e-3, atol=1e-4)
        twins = together.critics.view(2, 2, -1)[:, row]
        torch.testing.assert_close(twins, alone.critics, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(
            together.log_temperatures[row], alone.log_temperatures[0], rtol=1e-4, atol=1e-5
        )
        for one, other in zip(played, own, strict=True):
            np.testing.assert_allclose(one.returns[row], other.returns[0], rtol=1e-3)
    apart = (together.actors[0] - together.actors[1]).abs().max()
    assert apart > 0.01  # rows do differ


@pytest.mark.slow
def test_pendulums_are_swung_up():
    settings = config(
        (0, 1),
        sac=SACSettings(hidden=(32, 32), batch=64, learning_rate=2e-3),
        steps=4000,
        round_steps=200,
        learning_starts=400,
        buffer=4000,
        kept_from=4000,
    )
    worlds = Pendulums((0.8, 1.0))
    before, _ = lockstep.make_learner(settings, worlds)
    learner, _ = trained(settings, worlds)
    kept = {"episodes": 10, "seed": 1}
    first = evaluate(worlds, before, settings.tasks, **kept)
    last = evaluate(worlds, learner, settings.tasks, **kept)
    assert first.shape == (2, 10)
    assert (first.mean(1) < -550).all()
    assert (last.mean(1) > -350).all()


def test_rows_know_nothing_of_each_other():
    generators = [torch.Generator().manual_seed(n) for n in range(3)]
    learner = BatchedSAC(SMALL, observation_dim=3, action_dim=2, generators=generators)
    optimiser = learner.optimiser()
    draws = torch.Generator().manual_seed(9)

    def batch(third):
        shapes = {"observations": 3, "actions": 2, "following": 3}
        parts = {name: torch.rand(3, 8, size, generator=draws) for name, size in shapes.items()}
        parts |= {name: torch.rand(3, 8, generator=draws) for name in ("rewards", "terminated")}
        parts |= {
            name: torch.rand(3, 8, 2, generator=draws) for name in ("noise", "following_noise")
        }
        parts["rewards"][2] = third
        return Batch(**parts)

    before = [value.clone() for value in (learner.actors.detach(), learner.critics.detach())]
    learner.update(batch(torch.nan), optimiser)
    learner.update(batch(torch.nan), optimiser)
    after = learner.actors.detach(), learner.critics.detach().view(2, 3, -1)
    assert torch.isfinite(after[0][:2]).all()
    assert torch.isfinite(after[1][:, :2]).all()
    assert not torch.isfinite(after[1][:, 2]).all()
    assert (after[0][:2] != before[0][:2]).any(1).all()


def test_losses_of_one_transition_are_those_written_down():
    settings = SACSettings(hidden=(4,), batch=1, learning_rate=1e-3, discount=0.9)
    generator = torch.Generator().manual_seed(0)
    learner = BatchedSAC(settings, observation_dim=2, action_dim=1, generators=[generator])
    parts = {
        "observations": torch.tensor([[[0.3, -0.2]]]),
        "actions": torch.tensor([[[0.4]]]),
        "rewards": torch.tensor([[5.0]]),
        "following": torch.tensor([[[0.1, 0.5]]]),
        "terminated": torch.tensor([[1.0]]),
        "noise": torch.tensor([[[0.7]]]),
        "following_noise": torch.tensor([[[-0.3]]]),
    }
    means, log_stds = heads(
        batched_mlp(learner.actor_spec, learner.actors.detach(), parts["observations"])[0, 0]
    )
    normal = torch.distributions.Normal(means, log_stds.exp())
    before = means + log_stds.exp() * 0.7
    density = normal.log_prob(before) - torch.log(1 - before.tanh().square())
    found = learner._sample(learner.actors, parts["observations"], parts["noise"])
    torch.testing.assert_close(found[0][0, 0], before.tanh())
    torch.testing.assert_close(found[1][0, 0], density[0])
    values = learner._values(learner.critics, parts["observations"], parts["actions"])
    old, targets = values.flatten(), learner.targets.clone()
    learner.update(Batch(**parts), learner.optimiser())
    # An episode that ended is worth its reward, and both critics move towards it.
    new = learner._values(learner.critics, parts["observations"], parts["actions"]).flatten()
    assert (5.0 - new < 5.0 - old).all()
    # Entropy below the target of -1 raises the temperature, above it lowers it, by Adam's step.
    sign = torch.sign(density[0] - 1.0)
    torch.testing.assert_close(learner.log_temperatures[0], -1e-3 * -sign, rtol=1e-3, atol=1e-7)
    moved = targets.lerp(learner.critics.detach(), settings.target_rate)
    torch.testing.assert_close(learner.targets, moved)


def test_a_memory_forgets_the_oldest_and_is_read_back(tmp_path):
    def make():
        return Replay(2, 6, observation_dim=1, action_dim=1)

    replay = make()
    for step in range(9):
        value = torch.full((2,), float(step)) + torch.tensor([0.0, 0.5])
        parts = {name: value[:, None] for name in ("observations", "actions", "following")}
        replay.add(rewards=value, terminated=torch.zeros(2), **parts)
        if step % 3 == 2:
            replay.write_latest(tmp_path / str(step), 3)
    assert (replay.added, len(replay)) == (9, 6)
    places = torch.arange(6).repeat(2, 1)
    taken = replay.take(places)
    assert taken["rewards"][0].tolist() == [6.0, 7.0, 8.0, 3.0, 4.0, 5.0]
    assert taken["observations"][1, :, 0].tolist() == [6.5, 7.5, 8.5, 3.5, 4.5, 5.5]
    again = make()
    for step in (5, 8):
        again.read(tmp_path / str(step))
    assert again.added == 9
    for name, part in again.take(places).items():
        torch.testing.assert_close(part, taken[name], rtol=0, atol=0)


def stop_after(count):
    """Told of steps, it presses Ctrl-C after some of them."""
    made = 0

    def on_steps(steps):
        nonlocal made
        made += steps
        if made >= count:
            raise KeyboardInterrupt

    return on_steps


def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(lockstep, "CHECKPOINT_SECONDS", -1.0)
    with pytest.raises(KeyboardInterrupt):
        collect_policies(TINY, tmp_path / "stopped", on_steps=stop_after(3 * 50))
    seen = []
    collect_policies(TINY, tmp_path / "stopped", on_steps=seen.append)
    assert (seen[0], sum(seen)) == (3 * 40, 3 * 60)
    for task in TINY.tasks:
        one, other = (ExpertPolicies.read(run, task) for run in (whole, tmp_path / "stopped"))
        torch.testing.assert_close(one.actors, other.actors, rtol=0, atol=0)
        assert one.meta == other.meta
    rows = [read_metrics(run) for run in (whole, tmp_path / "stopped")]
    assert rows[0] == rows[1]
    assert [len(row.get("evaluated", ())) for row in rows[0]] == [0, 3, 0]
    left = sorted(path.name for path in (tmp_path / "stopped").iterdir())
    assert left == ["metrics.jsonl", "policies", "run.json", "tensorboard"]


def test_actors_are_kept_as_one_array_a_task(whole, tmp_path):
    assert collected(whole) == (2, 3, 20)
    found = ExpertPolicies.read(whole, 2)
    assert found.meta.steps == (30, 40, 50, 60)
    assert found.spec == MLPSpec(sizes=(20, 32, 32, 12))
    assert found.actors.shape == (4, found.spec.num_parameters)
    assert (found.actors[1:] != found.actors[:-1]).any(1).all()
    assert (found.meta.family, found.meta.value, found.meta.split) == ("cheetah-vel", 0.225, "test")
    assert ExpertPolicies.read(whole, 3).meta.split == "train"
    assert len(found.meta.returns) == 1
    actions = found.act(torch.zeros(4, 5, 20))
    assert actions.shape == (4, 5, 6)
    assert (actions.abs() < 1).all()
    # A finished run is left as it is.
    seen = []
    collect_policies(TINY, whole, on_steps=seen.append)
    assert seen == [3 * 60]
    with pytest.raises(CheckpointError, match="seed"):
        collect_policies(dataclasses.replace(TINY, seed=1), whole)
    found.write(tmp_path)
    file = task_folder(tmp_path, 2) / "tensors.safetensors"
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\1\0")
    with pytest.raises(CheckpointError, match="damaged"):
        ExpertPolicies.read(tmp_path, 2)


def test_the_evaluation_is_of_the_actor_that_is_stored(whole):
    found = ExpertPolicies.read(whole, 20)
    worlds = MetaWorlds("cheetah-vel", (20,))
    learner, _ = lockstep.make_learner(dataclasses.replace(TINY, tasks=(20,)), worlds)
    learner.actors.data.copy_(found.actors[-1:])
    returns = evaluate(worlds, learner, (20,), episodes=1, seed=TINY.seed)
    np.testing.assert_allclose(returns[0], found.meta.returns, rtol=1e-3)
    worlds.close()


def test_weights_that_are_lost_end_a_run(tmp_path, monkeypatch):
    make = training.make_learner

    def poisoned(*args):
        learner, optimiser = make(*args)
        learner.actors.data[1] = torch.nan
        return learner, optimiser

    monkeypatch.setattr(training, "make_learner", poisoned)
    monkeypatch.setattr(BatchedSAC, "act", lambda self, seen, noise=None: torch.zeros(3, 6))
    with pytest.raises(HyperdynError, match="weights of task 20 are no longer finite"):
        collect_policies(TINY, tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": ()}, "at least one task"),
        ({"tasks": (1, 1)}, "none twice"),
        ({"tasks": (40,)}, "0 to 39"),
        ({"round_steps": 7}, "multiple of round_steps"),
        ({"buffer": 30}, "buffer must be a multiple"),
        ({"learning_starts": 60}, "learning_starts"),
        ({"kept_from": 35}, "kept_from"),
        ({"evaluated": 0}, "evaluated must be at least 1"),
    ],
)
def test_a_run_that_cannot_be_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(TINY, **changes)
    with pytest.raises(UnknownNameError, match="Did you mean 'cheetah-vel'"):
        dataclasses.replace(TINY, family="cheetah-val")


@pytest.mark.parametrize(
    "changes", [{"hidden": ()}, {"batch": 0}, {"learning_rate": 0.0}, {"discount": 1.0}]
)
def test_learners_that_cannot_be_are_refused(changes):
    with pytest.raises(InputError):
        SACSettings(**changes)


def test_presets_say_what_they_are():
    full = experts_preset("full", "ant-dir")
    assert (full.tasks, full.kept, full.kept_from) == (tuple(range(50)), 500, 500_500)
    reduced = experts_preset("reduced", "cheetah-vel", seed=3)
    assert (len(reduced.tasks), reduced.kept, reduced.steps) == (20, 100, 200_000)
    assert {2, 7, 15, 23, 26} < set(reduced.tasks)
    assert reduced.seed == 3
    assert experts_preset("reduced", "ant-dir").steps == 400_000
    assert len(experts_preset("quick", "ant-dir").tasks) == 3
    with pytest.raises(UnknownNameError, match="Did you mean 'reduced'"):
        experts_preset("reducd", "ant-dir")
    shorter = experts_preset("reduced", "ant-dir", steps=100_000)
    assert (shorter.steps, shorter.buffer, shorter.kept) == (100_000, 100_000, 100)
    assert experts_preset("full", "ant-dir", steps=800_000).kept_from == 550_500
    with pytest.raises(InputError, match="must be more than 54500; got 54000"):
        experts_preset("reduced", "ant-dir", steps=54_000)
    with pytest.raises(InputError, match="multiple of round_steps"):
        experts_preset("reduced", "ant-dir", steps=100_001)
