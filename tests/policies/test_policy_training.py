"""Training policy generators on demonstrations, and scoring them."""

import json
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch

from hyperdyn.errors import CheckpointError, InputError, UnknownNameError
from hyperdyn.policies import POLICIES, HyPoGen, load_policy_generator
from hyperdyn.training import stepped_run
from hyperdyn.training.policies import evaluation
from hyperdyn.training.policies.configs import policy_run
from hyperdyn.training.policies.evaluation import (
    cloning_errors,
    generate,
    policy_returns,
    stage_errors,
)
from hyperdyn.training.policies.reference import reference_of
from hyperdyn.training.policies.training import train_policy
from hyperdyn.training.policies.transitions import DISCOUNT, draw, held_out, transitions, values_of
from tests.policies.families import ACTION, OBSERVATION, SMALL, demonstrations, fitted

KINDS = tuple(POLICIES)


def run_of(kind, source, **settings):
    small = {"embedding_dim": 16, "hidden": (16,), **SMALL.get(kind, {})}
    settings = {"steps": 6, "targets": 16, **settings}
    return policy_run(kind, source, sizes=small, **settings)


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("kind", ["meta", "pearl", "hypogen_raw"])
def test_a_stopped_run_ends_with_the_same_weights(kind, tmp_path, monkeypatch):
    source = demonstrations()
    config = run_of(kind, source)
    whole = train_policy(config, tmp_path / "whole", source)
    monkeypatch.setattr(stepped_run, "CHECKPOINT_SECONDS", -1.0)  # after every step
    made = []

    def stop(count):
        made.append(count)
        if sum(made) == 4:
            raise StoppedError

    out = tmp_path / "stopped"
    with pytest.raises(StoppedError):
        train_policy(config, out, source, on_step=stop)
    with pytest.raises(CheckpointError, match="--resume"):
        train_policy(config, out, source)
    with pytest.raises(CheckpointError, match="with other settings"):
        train_policy(replace(config, seed=3), out, source, resume=True)
    resumed = train_policy(config, out, source, resume=True)
    finished = train_policy(config, out, source, resume=True, on_step=made.append)
    assert made[-1] == config.steps  # read, not trained anew
    for model in (resumed, finished, load_policy_generator(out)):
        for name, value in whole.state_dict().items():
            assert torch.equal(model.state_dict()[name], value), name
    assert not (out / "checkpoint").exists()
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 1


def test_training_never_looks_at_test_specifications(tmp_path):
    train_rows, test_rows = demonstrations().split(1)

    def spoil(tensors):
        for tensor in tensors.values():
            tensor[list(test_rows)] = torch.nan

    clean, spoiled = demonstrations(), demonstrations(spoil=spoil)
    weights = []
    for name, source in (("clean", clean), ("spoiled", spoiled)):
        config = run_of("hyperzero", source, split=1)
        weights.append(train_policy(config, tmp_path / name, source).state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    mean = clean.specifications[list(train_rows)].mean()
    torch.testing.assert_close(weights[0]["standardiser.condition_mean"][0], mean)


@pytest.mark.parametrize("kind", ["conditioned", "hypogen_latent"])
def test_held_out_specifications_are_cloned_better_than_by_their_mean(kind, tmp_path):
    source = demonstrations()
    _, rows = source.split(0)
    config = run_of(kind, source, steps=80, learning_rate=0.02, held_out=2)
    model = train_policy(config, tmp_path / "run", source)
    shown = transitions(source, rows)
    assert cloning_errors(model, reference_of(source), rows).mean() < 0.3 * shown.actions.var()
    if isinstance(model, HyPoGen):  # and the updates are what does it
        errors = stage_errors(model, reference_of(source), rows).mean(1)
        assert errors[-1] < 0.5 * errors[0]
    validated = json.loads((tmp_path / "run" / "validation.json").read_text())
    kept = held_out(source.split(0)[0], 2)[1]
    assert validated["specifications"] == source.specifications[list(kept)].tolist()
    wanted = cloning_errors(model, reference_of(source), kept)
    assert validated["errors"] == pytest.approx(wanted.tolist())


def test_errors_after_each_update_end_at_those_of_the_policy():
    source, model = reference_of(demonstrations()), fitted("hypogen_raw")
    rows = source.split(0)[1]
    errors = stage_errors(model, source, rows)
    assert errors.shape == (model.config.blocks + 1, len(rows))
    torch.testing.assert_close(errors[-1], cloning_errors(model, source, rows))
    start = model.fold(model.start.detach().expand(len(rows), -1))
    shown = source.of(rows)
    first = (start.act(shown.observations) - shown.actions).square().mean((1, 2))
    torch.testing.assert_close(errors[0], first)


class Line(gymnasium.Env):
    """Rewards the first action times the speed; its observations are what the seed draws."""

    observation_space = gymnasium.spaces.Box(-9, 9, (OBSERVATION,), np.float64)
    action_space = gymnasium.spaces.Box(-1, 1, (ACTION,), np.float64)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.speed, self.steps = options["speed"], 0
        self.drawn = [self.np_random.normal(size=OBSERVATION) for _ in range(4)]
        return self.drawn[0], {}

    def step(self, action):
        self.steps += 1
        return self.drawn[self.steps], action[0] * self.speed, False, self.steps == 3, {}


def test_returns_are_sums_of_rewards_and_episodes_begin_alike(monkeypatch):
    made = []

    def make(env_id):
        assert env_id == "hyperdyn/SuiteCheetahSpeed-v0"
        made.append(Line())
        return made[-1]

    monkeypatch.setattr(evaluation.envs, "make", make)
    source, model = reference_of(demonstrations()), fitted("conditioned")
    policy = generate(model, source, (3, 30))
    found = policy_returns(policy, source, (3, 30), episodes=2, seed=1)
    alone = policy_returns(policy[1], source, (30,), episodes=2, seed=1)
    np.testing.assert_array_equal(found[1:], alone)
    assert len(np.unique(found)) == 4
    seen = torch.tensor(np.array(made[0].drawn[:3]), dtype=torch.float32)  # of the last episode
    wanted = policy[1].act(seen[None])[0, :, 0].sum() * source.specifications[30, 0]
    assert found[1, 1] == pytest.approx(float(wanted), rel=1e-5)


def test_few_shot_methods_are_shown_demonstrations_of_the_test_task():
    source, model = reference_of(demonstrations()), fitted("pearl")
    one, other = generate(model, source, (3, 30)).parameters
    assert not torch.equal(one, other)


def test_values_are_discounted_means_of_rewards_to_come():
    rewards = torch.rand(2, 3, 50, generator=torch.Generator().manual_seed(0))
    found = values_of(rewards)
    endless = torch.cat([rewards, rewards[..., -1:].expand(-1, -1, 3000)], dim=-1).double()
    weights = (1 - DISCOUNT) * DISCOUNT ** torch.arange(3000).double()
    for step in (0, 20, 49):
        wanted = (endless[..., step : step + 3000] * weights).sum(-1).float()
        torch.testing.assert_close(found[..., step], wanted)


def test_transitions_stay_within_episodes():
    source = demonstrations(trajectories=2, steps=5)
    shown = transitions(source, (4,))
    assert len(shown) == 8
    torch.testing.assert_close(shown.observations[0, 4], source.observations[4, 1, 0])
    torch.testing.assert_close(shown.following[0, 3], source.observations[4, 0, 4])
    torch.testing.assert_close(shown.actions[0, 7], source.actions[4, 1, 3])


def test_batches_are_of_distinct_tasks_and_keep_numbers_together():
    source = demonstrations()
    rows = tuple(range(40))
    shown = transitions(source, rows)
    conditions, drawn = draw(
        source.specifications,
        shown,
        tasks=6,
        targets=5,
        generator=torch.Generator().manual_seed(0),
    )
    assert len(conditions.unique()) == 6
    assert drawn.actions.shape == (6, 5, ACTION)
    for condition, observations, actions in zip(
        conditions, drawn.observations, drawn.actions, strict=True
    ):
        row = int((source.specifications == condition).nonzero()[0, 0])
        for observation, action in zip(observations, actions, strict=True):
            place = (shown.observations[row] == observation).all(1).nonzero()[0, 0]
            assert torch.equal(shown.actions[row, place], action)


def test_what_is_held_out_lies_within_the_training_specifications():
    assert held_out((3, 5, 8, 9, 12, 20, 31, 33), 2) == ((3, 5, 9, 12, 20, 33), (8, 31))
    assert held_out((3, 5, 8), 0) == ((3, 5, 8), ())
    with pytest.raises(InputError, match="3 of 3"):
        held_out((3, 5, 8), 3)


def test_demonstrations_that_cannot_be_used(tmp_path):
    source = demonstrations()
    config = run_of("uvfa", source)
    with pytest.raises(InputError, match="not the demonstrations"):
        train_policy(config, tmp_path / "run", demonstrations(seed=1))
    with pytest.raises(InputError, match="none of the specifications"):
        transitions(source, ())
    for value, match in ((torch.nan, "not finite"), (1.5, "action of 1.5")):
        spoiled = demonstrations(spoil=lambda tensors, v=value: tensors["actions"].fill_(v))
        with pytest.raises(InputError, match=match):
            transitions(spoiled, (0,))
    source = reference_of(source)
    policy = generate(fitted("uvfa"), source, (0, 1))
    with pytest.raises(InputError, match="2 policies for 3"):
        policy_returns(policy, source, (0, 1, 2), episodes=1, seed=0)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"steps": 0}, "positive"),
        ({"targets": 1}, "at least 2"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"held_out": -1}, "positive"),
        ({"sizes": {"blocks": 3}}, "no size named blocks"),
    ],
)
def test_runs_that_cannot_be(changes, match):
    with pytest.raises(InputError, match=match):
        policy_run("uvfa", demonstrations(), **changes)


def test_an_unknown_method():
    with pytest.raises(UnknownNameError, match="hypogen_raw"):
        policy_run("hypogen", demonstrations())


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_has_a_run_of_equal_steps_and_samples(kind):
    run, first = (policy_run(name, demonstrations()) for name in (kind, KINDS[0]))
    for name in ("steps", "tasks", "targets"):
        assert getattr(run, name) == getattr(first, name)
    assert run.model.hidden == (128,)
    assert policy_run(kind, demonstrations(), budget="paper").model.hidden == (256,)
    assert not run.model.raw_conditions
