"""Embeddings of behaviour: they tell tasks apart, and describe tasks to samplers."""

import math

import pytest
import torch
from torch.nn import functional

from hyperdyn.cli.main import main
from hyperdyn.envs.meta import FAMILIES
from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.genhyper import Behaviour, BehaviourEmbedding, EmbeddingConfig, mean_policies
from hyperdyn.networks import MLPSpec, default_parameters
from hyperdyn.training.experts.policies import ExpertPolicies, PoliciesMeta
from hyperdyn.training.experts.worlds import MetaWorlds
from hyperdyn.training.genhyper.behaviours import record
from hyperdyn.training.genhyper.collection import PolicyCollection
from hyperdyn.training.genhyper.configs import genhyper_run
from hyperdyn.training.genhyper.embedding import (
    described,
    embedded_tasks,
    embedding_run,
    taken,
    train_embedding,
)
from hyperdyn.training.seeds import seed_for

SMALL = EmbeddingConfig(observation_dim=3, action_dim=2, steps=4, outcomes=2, hidden=32, width=4)
CHEETAH = MLPSpec(sizes=(20, 8, 12))
SIZES = {"steps": 10, "outcomes": 3, "hidden": 16, "width": 4}
TASKS = (3, 9, 20)


def embedding(seed=0, config=SMALL):
    return BehaviourEmbedding(config, generator=torch.Generator().manual_seed(seed))


def stretches(tasks, seed=0):
    """Tasks are numbers: actions lean to one, and outcomes shift by it; states begin anywhere."""
    generator = torch.Generator().manual_seed(seed)
    noise = [
        torch.randn(len(tasks), *shape, generator=generator) for shape in ((3,), (4, 2), (2, 3))
    ]
    return Behaviour(
        first=100 + noise[0],
        actions=0.3 * noise[1] + tasks[:, None, None],
        outcome=100 + 0.3 * noise[2] + tasks[:, None, None],
    )


def train(model, steps=150):
    tasks = torch.linspace(-1, 1, 6)
    model.fit(stretches(tasks.repeat(20)))
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(steps):
        optimiser.zero_grad()
        model.loss(stretches(tasks, seed=step)).backward()
        optimiser.step()
    return model


def test_trained_embeddings_tell_tasks_apart():
    model = train(embedding())
    tasks = torch.linspace(-1, 1, 6)
    with torch.no_grad():
        losses = [model.loss(stretches(tasks, seed=1000 + n)) for n in range(10)]
    assert torch.stack(losses).mean() < 0.6 * math.log(6)  # of chance
    found = torch.stack([model.embed(stretches(tasks, seed=2000 + n)) for n in range(10)])
    within = found.var(0).mean()
    across = found.mean(0).var(0).mean()
    assert across > 3 * within
    # And a task between those of training lies between its neighbours.
    middle = model.embed(stretches(torch.full((50,), 0.0), seed=5)).mean(0)
    ends = [model.embed(stretches(torch.full((50,), end), seed=5)).mean(0) for end in (-0.2, 1.0)]
    assert (middle - ends[0]).norm() < (middle - ends[1]).norm()


def test_the_loss_is_the_one_written_down():
    model, shown = embedding(), stretches(torch.tensor([-1.0, 0.0, 1.0]))
    model.fit(shown)
    h, v = model.parts(shown)
    wanted = 0.0
    for row in range(3):
        scores = torch.stack([h[row] @ model.likeness @ v[other] for other in range(3)])
        wanted = wanted - functional.log_softmax(scores, 0)[row] / 3
    torch.testing.assert_close(model.loss(shown), wanted)
    model.loss(shown).backward()
    for name, weight in model.named_parameters():
        assert weight.grad.any() or name == "after.3.bias", name


def test_states_are_standardised_wherever_it_is_used():
    model, shown = embedding(), stretches(torch.linspace(-1, 1, 6))
    model.fit(shown)
    moved = Behaviour(
        first=10 * shown.first - 7, actions=shown.actions, outcome=10 * shown.outcome - 7
    )
    other = embedding()
    other.fit(moved)
    torch.testing.assert_close(other.embed(moved), model.embed(shown), rtol=1e-3, atol=1e-3)
    assert not torch.allclose(model.embed(moved), model.embed(shown), atol=0.1)


def test_what_was_saved_is_loaded_bit_for_bit(tmp_path):
    model, shown = embedding(), stretches(torch.tensor([0.0, 1.0]))
    model.fit(shown)
    model.save(tmp_path / "run" / "model")
    loaded = BehaviourEmbedding.from_pretrained(tmp_path / "run")
    assert torch.equal(loaded.embed(shown), model.embed(shown))
    assert loaded.embedding_dim == loaded.embed(shown).shape[1] == 8


def test_stretches_that_do_not_fit():
    model, shown = embedding(), stretches(torch.tensor([0.0, 1.0]))
    short = Behaviour(first=shown.first, actions=shown.actions[:, :3], outcome=shown.outcome)
    with pytest.raises(InputError, match=r"\(3, 2\).*wants"):
        model.embed(short)
    spoiled = taken(shown, torch.tensor([0]))
    spoiled.first[0, 0] = torch.nan
    with pytest.raises(InputError, match="finite"):
        model.fit(spoiled)
    with pytest.raises(InputError, match="positive"):
        EmbeddingConfig(observation_dim=3, action_dim=2, width=0)


def experts(folder, tasks=TASKS):
    """Cheetahs that push with a strength of their own."""
    family = FAMILIES["cheetah-vel"]
    for task in tasks:
        drawn = [default_parameters(CHEETAH, torch.Generator().manual_seed(n)) for n in (1, 2)]
        meta = PoliciesMeta(
            family=family.name,
            task=task,
            value=family.values[task],
            split="train",
            sizes=CHEETAH.sizes,
            activation="relu",
            steps=(1, 2),
            returns=(0.0,),
        )
        ExpertPolicies(meta=meta, actors=torch.stack(drawn) * (task / 10)).write(folder)
    return folder


def test_episodes_are_recorded_as_they_happen(tmp_path):
    source = PolicyCollection.read(experts(tmp_path))
    sizes = embedding_run(source, sizes=SIZES).model
    found = record(
        source.family, source.tasks, source.network, source.actors, sizes, count=2, seed=7
    )
    assert found.first.shape == (6, 20)
    assert not torch.equal(found.first[0], found.first[1])
    worlds = MetaWorlds(source.family, source.tasks)
    # The second task's second episode, which the actor before the last plays.
    policy = mean_policies(source.network, source.actors[1, :1])
    seen = [torch.tensor(worlds.reset(1, seed_for(7, "demonstrate", source.tasks[1], 1))).float()]
    for row in (0, 2):
        worlds.reset(row, 0)
    for step in range(200):
        action = policy.act(seen[-1][None])
        if step < 10:
            torch.testing.assert_close(found.actions[3, step], action[0])
        everyone = action.expand(3, -1).double().numpy()
        seen.append(torch.tensor(worlds.step(everyone)[0][1]).float())
    worlds.close()
    torch.testing.assert_close(found.first[3], seen[0])
    torch.testing.assert_close(found.outcome[3], torch.stack([seen[n] for n in (100, 150, 200)]))


def test_tasks_are_described_by_a_trained_embedding(tmp_path):
    source = PolicyCollection.read(experts(tmp_path / "experts"))
    config = embedding_run(source, sizes=SIZES, episodes=2, steps=3)
    whole = train_embedding(config, tmp_path / "run", source)
    with pytest.raises(CheckpointError, match="--resume"):
        train_embedding(config, tmp_path / "run", source)
    again = train_embedding(config, tmp_path / "run", source, resume=True)
    assert all(torch.equal(again.state_dict()[n], v) for n, v in whole.state_dict().items())
    found = described(source, tmp_path / "run")
    assert found.conditions.shape == (3, 4, 8)
    assert found.digest != source.digest
    own = embedded_tasks(
        whole, source.family, (20,), source.network, source.actors[2:], count=2, seed=0
    )
    torch.testing.assert_close(own[0], found.conditions[2, :2])
    settings = genhyper_run("diffusion", found)
    assert (settings.model.condition_dim, settings.model.period) == (8, None)
    with pytest.raises(InputError, match="not the experts"):
        train_embedding(config, tmp_path / "other", found)


def test_runs_that_cannot_be(tmp_path):
    source = PolicyCollection.read(experts(tmp_path))
    with pytest.raises(InputError, match="at least 2"):
        embedding_run(source, tasks=1)
    with pytest.raises(InputError, match="positive"):
        embedding_run(source, steps=0)
    with pytest.raises(InputError, match="learning_rate"):
        embedding_run(source, learning_rate=-1.0)
    long = embedding_run(source, sizes={**SIZES, "steps": 201})
    with pytest.raises(InputError, match="201 actions"):
        train_embedding(long, tmp_path / "run", source)


def test_the_command(tmp_path, capsys):
    folder = str(experts(tmp_path / "experts", tasks=TASKS[:2]))
    run, sampler = str(tmp_path / "embedding"), str(tmp_path / "sampler")
    words = ["train", "genhyper", "embedding", "--policies", folder, "--out", run, "--steps", "2"]
    assert main(words) == 0
    assert "--embedding" in capsys.readouterr().out
    assert main([*words, "--base", run]) == 2
    assert "has no base" in capsys.readouterr().err
    words = ["train", "genhyper", "hyplatent-weight", "--policies", folder, "--out", sampler]
    assert main([*words, "--embedding", run, "--steps", "2", "--batch", "4"]) == 0
