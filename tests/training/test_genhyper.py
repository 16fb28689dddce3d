"""Training samplers of policies: what they learn, what each loss moves, resuming, the experts."""

import json
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from hyperdyn.cli.main import main
from hyperdyn.errors import CheckpointError, HyperdynError, InputError, UnknownNameError
from hyperdyn.genhyper import HypLatent, load_sampler
from hyperdyn.networks import MLPSpec, batched_mlp, default_parameters
from hyperdyn.training.experts.policies import ExpertPolicies, PoliciesMeta
from hyperdyn.training.genhyper import training, updates
from hyperdyn.training.genhyper.alignment import aligned, matched, reordered
from hyperdyn.training.genhyper.collection import PolicyCollection
from hyperdyn.training.genhyper.configs import METHODS, genhyper_run
from hyperdyn.training.genhyper.training import train_genhyper
from tests.genhyper.families import (
    ACTION,
    HIDDEN,
    OBSERVATION,
    SMALL,
    SPEC,
    actors_for,
    collection,
    coordinates,
)

REFINER = {"samples": 4, "token_dim": 32, "attention_heads": 4, "feedforward_dim": 32}
JUDGE = {"judge_widths": (64, 64, 32)}
HELD_OUT = torch.tensor([[0.4], [1.05], [1.7], [2.55]])
OWN = tuple(method for method in METHODS if method != "hypformer")


def run_of(method, source, base=None, sizes=None, **settings):
    if method == "hypformer":
        own = REFINER
    else:
        own = {**SMALL, **(JUDGE if method.startswith("hyplatent") else {})}
        settings = {"autoencoder_steps": 3, "aligned": False, **settings}
    settings = {"steps": 4, "batch": 16, **settings}
    return genhyper_run(method, source, base=base, sizes={**own, **(sizes or {})}, **settings)


def trained(method, out, source, base=None, **settings):
    return train_genhyper(run_of(method, source, base, **settings), out, source, base=base)


NOISY = {"reconstruction_weight": 0.1}
"""With the default noise has hardly a say here, where a task's experts differ much."""
LONG = {"autoencoder_steps": 100, "autoencoder_rate": 8e-3, "learning_rate": 4e-3, "batch": 32}


@pytest.mark.parametrize(
    ("method", "steps", "spread"),
    [
        ("regression", 80, None),
        ("diffusion", 140, 0.3),
        ("hyplatent-weight", 140, 0.15),
        ("hyplatent-latent", 140, 0.15),
    ],
)
def test_held_out_tasks_are_recovered_and_noise_keeps_its_say(method, steps, spread, tmp_path):
    source = collection()
    sizes = NOISY if method.startswith("hyplatent") else {}
    model = trained(method, tmp_path / "run", source, steps=steps, sizes=sizes, **LONG)
    actors = model.sample_actors(HELD_OUT, 64, torch.Generator().manual_seed(1))
    speed, hidden, rest = coordinates(actors)
    # Speeds span 2.6, hidden numbers deviate by 0.58, and all weights but the mean by about 1.
    assert (speed.mean(1) - HELD_OUT[:, 0]).abs().max() < 0.5
    assert rest.mean() < 0.35
    if spread is None:
        assert hidden.std(1).max() == 0
        assert hidden.abs().max() < 0.3
    else:
        assert hidden.std(1).mean() > spread


def test_hypformer_brings_samples_together(tmp_path):
    source, base = collection(), tmp_path / "base"
    settings = {"learning_rate": 3e-3, "batch": 64}
    raw = trained("hyplatent-weight", base, source, steps=30, sizes=NOISY, **settings)
    refined = trained("hypformer", tmp_path / "run", source, base, steps=60, **settings)
    found = [
        model.sample_actors(HELD_OUT, 16, torch.Generator().manual_seed(1))
        for model in (raw, refined.base, refined)
    ]
    assert torch.equal(found[0], found[1])
    wanted = actors_for(HELD_OUT[:, 0], torch.zeros(4, 1))
    errors = [(actors - wanted).square().mean() for actors in found]
    assert errors[2] < 0.7 * errors[0]


class StoppedError(Exception):
    pass


def stop_after(count):
    """Told of updates, it presses Ctrl-C after some of them."""
    left = [count]

    def told(made):
        left[0] -= made
        if left[0] <= 0 and made:
            raise StoppedError

    return told


@pytest.mark.parametrize(
    "method", ["hyplatent-latent", "hyplatent-weight", "diffusion", "hypformer"]
)
def test_a_stopped_run_ends_with_the_same_weights(method, tmp_path, monkeypatch):
    source, base = collection(), None
    if method == "hypformer":
        base = tmp_path / "base"
        trained("hyplatent-weight", base, source)
    config = run_of(method, source, base)
    whole = train_genhyper(config, tmp_path / "whole", source, base=base)
    monkeypatch.setattr(updates, "CHECKPOINT_SECONDS", -1.0)  # after every update
    stops = [2, 3, 5] if config.stages[0] else [2]  # in the first stage, at its end, in the second
    out, made = tmp_path / "stopped", []
    for place, after in enumerate(stops):
        stop = stop_after(after)
        with pytest.raises(StoppedError):
            train_genhyper(config, out, source, base=base, resume=place > 0, on_step=stop)
    with pytest.raises(CheckpointError, match="--resume"):
        train_genhyper(config, out, source, base=base)
    with pytest.raises(CheckpointError, match="with other settings"):
        train_genhyper(replace(config, seed=3), out, source, base=base, resume=True)
    resumed = train_genhyper(config, out, source, base=base, resume=True)
    finished = train_genhyper(config, out, source, base=base, resume=True, on_step=made.append)
    assert made[-1] == sum(config.stages)  # read, not trained anew
    for model in (resumed, finished, load_sampler(out)):
        for name, value in whole.state_dict().items():
            assert torch.equal(model.state_dict()[name], value), name
    assert not (out / "checkpoint").exists()
    logs = [(folder / "metrics.jsonl").read_text() for folder in (tmp_path / "whole", out)]
    assert logs[0] == logs[1]


def test_methods_over_latents_have_one_autoencoder(tmp_path):
    source = collection()
    one, other = (trained(name, tmp_path / name, source) for name in ("regression", "diffusion"))
    for name, value in one.space.state_dict().items():
        assert torch.equal(other.space.state_dict()[name], value), name
    codes = one.space.encode(one.space.units.standardised(source.actors.flatten(0, 1)))
    torch.testing.assert_close(codes.mean(0), torch.zeros(codes.shape[1]), rtol=0, atol=1e-4)
    assert codes.square().mean().item() == pytest.approx(1.0, abs=1e-3)


def started(method="hyplatent-latent", **sizes):
    """A sampler that has learnt nothing, and experts to make an update with."""
    source = collection()
    config = run_of(method, source, sizes=sizes)
    model = training._begun(config, source, source.actors, torch.Generator().manual_seed(0))
    weights = model.space.units.standardised(source.actors)
    return model, training._Experts(config, source, weights)


def part_of(name):
    parts = name.split(".")
    return ".".join(parts[:2]) if parts[0] == "judge" else parts[0]


@pytest.mark.parametrize("method", ["hyplatent-latent", "hyplatent-weight"])
def test_each_equation_moves_what_the_paper_says(method):
    model, experts = started(method)
    assert isinstance(model, HypLatent)
    names = {weight: name for name, weight in model.named_parameters()}
    moved = []

    def descend(loss, weights):
        asked = list(weights)
        gradients = torch.autograd.grad(loss, asked, retain_graph=True)
        assert all(gradient.any() for gradient in gradients)
        moved.append({names[weight] for weight in asked})

    logged = training._adversarial(model, experts, 0, descend)
    latent = method == "hyplatent-latent"
    third, second, fourth = ({part_of(name) for name in names} for names in moved)
    encoder = {"policies"} if latent else set()
    assert third == {"judge.features", "judge.verdict"} | encoder
    assert second == {"writer"} | encoder
    assert fourth == {"writer", "judge.features", "judge.recognition"}
    if latent:
        assert {name for name in moved[1] if "policies" in name} == {"policies.autoencoder.decoder"}
    assert ("reconstruction" in logged) == latent


def test_losses_of_the_generator_and_the_discriminator_are_those_written_down():
    model, experts = started()
    conditions, weights, method = experts.draw(training.SAMPLER, 0)
    read = model.conditions.read(conditions)
    written = model.written(read, method)
    probability = torch.sigmoid(model.judge.logits(written))
    parts = model.writing(written, weights)
    torch.testing.assert_close(parts.deception, -probability.log().mean())
    decoded = model.space.decode(written)
    torch.testing.assert_close(parts.imitation, functional.mse_loss(decoded, weights))
    plain, _ = started(saturating=True)
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(
        plain.writing(written, weights).deception, (1 - probability).log().mean()
    )
    told = model.judge.recognised(written)
    torch.testing.assert_close(model.recognition(written, read), functional.mse_loss(told, read))
    # The discriminator gains by telling experts from samples, and loses by confusing them.
    real = model.space.encode(weights)
    logits = {"real": 4.0, "written": -4.0}

    class Certain(torch.nn.Module):
        def logits(self, codes):
            return torch.full((len(codes),), logits["real" if codes is real else "written"])

    model.judge = Certain()
    right = model.discrimination(real, written, torch.Generator().manual_seed(0))
    logits = {"real": -4.0, "written": 4.0}
    wrong = model.discrimination(real, written, torch.Generator().manual_seed(0))
    assert wrong > right + 5


def test_numbers_that_are_not_finite_stop_a_run(tmp_path):
    source = collection()
    with pytest.raises(HyperdynError, match="not finite in update"):
        trained("regression", tmp_path / "run", source, learning_rate=1e30)


def network(widths=(8, 7)):
    return MLPSpec(sizes=(OBSERVATION, *widths, 2 * ACTION))


def shuffled(spec, actors, seed):
    generator = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(width, generator=generator) for width in spec.sizes[1:-1]]
    return reordered(spec, actors, orders)


def test_hidden_units_in_another_order_act_the_same():
    spec = network()
    actors = torch.stack(
        [default_parameters(spec, torch.Generator().manual_seed(n)) for n in range(3)]
    )
    other = shuffled(spec, actors, 4)
    assert not torch.allclose(actors, other)
    seen = torch.randn(3, 9, OBSERVATION, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(batched_mlp(spec, other, seen), batched_mlp(spec, actors, seen))


@pytest.mark.parametrize("widths", [(8,), (8, 7), (8, 7, 6)])
def test_alignment_finds_the_order_of_shuffled_actors(widths):
    spec = network(widths)
    actor = default_parameters(spec, torch.Generator().manual_seed(0))
    noise = torch.randn(5, 2, len(actor), generator=torch.Generator().manual_seed(1))
    tasks = actor + 0.01 * noise
    mixed = torch.stack([shuffled(spec, own, n) for n, own in enumerate(tasks)])
    found = aligned(spec, mixed)
    seen = torch.randn(5, 9, OBSERVATION, generator=torch.Generator().manual_seed(0))
    for kept in (0, 1):
        torch.testing.assert_close(
            batched_mlp(spec, found[:, kept], seen), batched_mlp(spec, mixed[:, kept], seen)
        )
    apart, before = (given.std(0).mean() for given in (found, mixed))
    assert apart < 0.02
    assert before > 0.1
    orders = matched(spec, found[0, 0], found[1, 0])
    assert all(torch.equal(order, torch.arange(len(order))) for order in orders)


def write_experts(folder, tasks=(0, 3, 9, 2), actors=6, spoil=(), hidden=HIDDEN):
    """What `hyperdyn collect policies` leaves of some tasks; task 2 is for testing."""
    spec = MLPSpec(sizes=(OBSERVATION, *hidden, 2 * ACTION))
    for task in tasks:
        generator = torch.Generator().manual_seed(task)
        drawn = [default_parameters(spec, generator) for _ in range(actors)]
        meta = PoliciesMeta(
            family="cheetah-vel",
            task=task,
            value=round(0.075 * (task + 1), 3),
            split="test" if task == 2 else "train",
            sizes=spec.sizes,
            activation="relu",
            steps=tuple(range(actors)),
            returns=(0.0,),
        )
        weights = torch.stack(drawn)
        weights[..., 0] = torch.nan if task in spoil else weights[..., 0]
        ExpertPolicies(meta=meta, actors=weights).write(folder)
    return folder


def test_experts_of_training_tasks_are_read_and_no_others(tmp_path):
    source = PolicyCollection.read(write_experts(tmp_path / "experts", spoil=(2,)))
    assert source.tasks == (0, 3, 9)
    assert source.conditions[:, 0, 0].tolist() == pytest.approx([0.075, 0.3, 0.75])
    assert source.actors.shape == (3, 6, SPEC.num_parameters)
    assert (source.network, source.period) == (SPEC, None)
    other = PolicyCollection.read(write_experts(tmp_path / "more", tasks=(0, 3, 9)))
    assert other.digest == source.digest
    assert source.spread(1) == (3,)
    conditions, actors = source.draw(50, torch.Generator().manual_seed(0))
    for condition, actor in zip(conditions, actors, strict=True):
        row = source.conditions[:, 0, 0].tolist().index(condition.item())
        assert (source.actors[row] == actor).all(-1).any()


def test_experts_that_cannot_be_used(tmp_path):
    with pytest.raises(InputError, match="no family"):
        PolicyCollection.read(tmp_path)
    spoiled = write_experts(tmp_path / "spoiled", spoil=(3,))
    with pytest.raises(InputError, match="not finite"):
        PolicyCollection.read(spoiled)
    mixed = write_experts(tmp_path / "mixed", tasks=(0,))
    write_experts(mixed, tasks=(3,), hidden=(4,))
    with pytest.raises(InputError, match="2 sizes"):
        PolicyCollection.read(mixed)
    source = PolicyCollection.read(write_experts(tmp_path / "fine"))
    with pytest.raises(InputError, match="3 training tasks; got 4"):
        genhyper_run("regression", source, tasks=4)
    other = run_of("regression", collection())
    with pytest.raises(InputError, match="not the experts"):
        train_genhyper(other, tmp_path / "run", source)


@pytest.mark.parametrize(
    ("method", "changes", "match"),
    [
        ("regression", {"steps": 0}, "positive"),
        ("regression", {"learning_rate": 0.0}, "learning_rate"),
        ("regression", {"sizes": {"noise_dim": 3}}, "no size named noise_dim"),
        ("hypformer", {}, "as base"),
    ],
)
def test_runs_that_cannot_be(method, changes, match):
    with pytest.raises(InputError, match=match):
        genhyper_run(method, collection(), **changes)


def test_hypformer_goes_on_with_what_its_base_was_trained_on(tmp_path):
    source = collection()
    base = tmp_path / "base"
    trained("hyplatent-weight", base, source, tasks=4)
    config = run_of("hypformer", source, base)
    assert config.tasks == source.spread(4)
    assert not config.aligned
    for given in ({"tasks": 3}, {"aligned": True}):
        with pytest.raises(InputError, match="no number of tasks"):
            run_of("hypformer", source, base, **given)
    with pytest.raises(InputError, match="other experts"):
        run_of("hypformer", collection(seed=1), base)
    with pytest.raises(InputError, match="leave the base out"):
        run_of("regression", source, base)
    trained("hyplatent-weight", tmp_path / "other", source, seed=1)
    with pytest.raises(InputError, match="not the sampler"):
        train_genhyper(config, tmp_path / "run", source, base=tmp_path / "other")
    train_genhyper(config, tmp_path / "run", source, base=base)
    with pytest.raises(InputError, match="holds a 'hypformer'"):
        run_of("hypformer", source, tmp_path / "run")


def test_an_unknown_method():
    with pytest.raises(UnknownNameError, match="hyplatent-weight"):
        genhyper_run("hyplatent", collection())


def test_the_command(tmp_path, capsys):
    experts = write_experts(tmp_path / "experts", actors=3)
    common = ["--policies", str(experts), "--steps", "2", "--batch", "4"]
    raw, refined = str(tmp_path / "raw"), str(tmp_path / "refined")
    words = ["train", "genhyper", "hyplatent-weight", *common, "--out", raw, "--tasks", "2"]
    assert main(words) == 0
    assert "cheetah-vel" in capsys.readouterr().out
    assert json.loads((tmp_path / "raw" / "run.json").read_text())["config"]["tasks"] == [0, 9]
    again = ["train", "genhyper", "hypformer", *common, "--out", refined, "--base", raw]
    assert main(again) == 0
    assert load_sampler(refined).kind == "hypformer"
    capsys.readouterr()
    for wrong, match in (
        (["train", "genhyper", "gan", *common, "--out", raw], "Valid: diffusion"),
        ([*words, "--tasks", "9"], "got 9 to train on"),
        ([*words, "--seed", "-1"], "must not be negative"),
        ([*words, "--base", raw], "refines nothing"),
    ):
        assert main(wrong) == 2
        assert match in capsys.readouterr().err
    assert main([*words, "--batch", "5"]) == 1  # another run in the same folder
