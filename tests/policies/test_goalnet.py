"""Policies for goals: what each loss reaches, what weights depend on, both ways of writing them."""

import pytest
import torch

from hyperdyn.errors import CheckpointError, InputError, UnknownNameError
from hyperdyn.policies import (
    GCBC,
    GoalConfig,
    GoalNet,
    GoalNetConfig,
    GoalPairs,
    Pursuit,
    build_goal_policy,
    load_goal_policy,
    matched_gcbc,
)

SMALL = {
    "proprioception_dim": 2,
    "action_dim": 2,
    "latent_dim": 6,
    "encoder_hidden": 16,
    "proprioception_latent": 4,
    "hidden": (8, 8),
    "forward_hidden": 16,
}
WRITER = {
    "embedding_dim": 8,
    "blocks": 2,
    "code_dim": 6,
    "codec_hidden": 8,
    "block_hidden": 8,
    "thought_width": 4,
}
NUMBERS, PICTURE = (3,), (16, 32, 3)


def sizes(scene=NUMBERS, **changes):
    return GoalNetConfig(**{"scene": scene, **SMALL, **WRITER, **changes})


def goalnet(scene=NUMBERS, seed=0, **changes):
    return GoalNet(sizes(scene, **changes), generator=torch.Generator().manual_seed(seed))


def gcbc(scene=NUMBERS, seed=0, **changes):
    config = GoalConfig(**{"scene": scene, **SMALL, **changes})
    return GCBC(config, generator=torch.Generator().manual_seed(seed))


def scenes(*batch, scene=NUMBERS, seed=1):
    generator = torch.Generator().manual_seed(seed)
    if scene == NUMBERS:
        return torch.randn(*batch, *scene, generator=generator)
    return torch.randint(256, (*batch, *scene), generator=generator, dtype=torch.uint8)


def pairs(contexts=5, moments=3, scene=NUMBERS):
    generator = torch.Generator().manual_seed(2)
    return GoalPairs(
        scenes=scenes(11, scene=scene, seed=3),
        goal=torch.randint(11, (contexts,), generator=generator),
        seen=torch.randint(11, (contexts, moments, 3), generator=generator),
        proprioception=torch.randn(contexts, moments, 2, 2, generator=generator),
        actions=torch.rand(contexts, moments, 2, generator=generator) * 2 - 1,
    )


def reached(model, value):
    """Names of the parts of a model that a gradient that is not zero reaches."""
    model.zero_grad()
    value.backward()
    return {
        name.split(".")[0]
        for name, weight in model.named_parameters()
        if weight.grad is not None and bool((weight.grad != 0).any())
    }


@pytest.mark.parametrize("scene", [NUMBERS, PICTURE])
def test_each_loss_teaches_its_own_parts_and_no_others(scene):
    model, shown = goalnet(scene), pairs(scene=scene)
    wanted = {
        "policy": {"scene_encoder", "proprioception_encoder", "hypernetwork"},
        "prediction": {"scene_encoder", "forward_model"},
        "distance": {"scene_encoder"},
    }
    for part, names in wanted.items():
        assert reached(model, getattr(model.losses(shown), part)) == names
    assert reached(model, model.loss(shown)) == set.union(*wanted.values())
    control = gcbc(scene)
    wanted = {"scene_encoder", "proprioception_encoder", "shared"}
    assert reached(control, control.losses(shown).policy) == wanted


def grown(model, of):
    """Gradient of the distance loss or prediction loss by latents: of now, after and goals."""
    generator = torch.Generator().manual_seed(0)
    now, after, goals = (torch.randn(4, 3, 6, generator=generator).requires_grad_() for _ in "123")
    if of == "prediction":
        model._prediction(now, torch.zeros(4, 3, 2), after).backward()
    else:
        goal = goals[:, 0]
        model._distance(now, after, goal).backward()
    return tuple(
        latent.grad is not None and bool((latent.grad != 0).any()) for latent in (now, after, goals)
    )


def test_stopped_gradients_leave_exactly_the_targets_alone():
    free, stopped = goalnet(), goalnet(prediction_stop=True, distance_stop=True)
    assert grown(free, "prediction") == (True, True, False)
    assert grown(stopped, "prediction") == (True, False, False)
    assert grown(free, "distance") == (True, True, True)
    assert grown(stopped, "distance") == (True, True, False)
    shown = pairs()
    assert torch.equal(free.loss(shown), stopped.loss(shown))  # its value is the same


@torch.no_grad()
def test_losses_are_what_they_say():
    model, shown = goalnet(margin=0.25), pairs()
    found = model.losses(shown)
    goals = model.encode(shown.scenes[shown.goal])
    latents = model.encode(shown.scenes[shown.seen])
    grown, foretold = [], []
    for e in range(5):
        for m in range(3):
            now, after = latents[e, m, 1], latents[e, m, 2]
            step = (after - goals[e]).norm() - (now - goals[e]).norm()
            grown.append(max(0.0, 0.25 + float(step)))
            said = model.forward_model(torch.cat([now, shown.actions[e, m]]))
            foretold.append((said - after).square().mean())
    assert float(found.distance) == pytest.approx(sum(grown) / 15, rel=1e-5)
    torch.testing.assert_close(found.prediction, torch.stack(foretold).mean())
    total = found.policy + found.prediction + found.distance
    torch.testing.assert_close(model.loss(shown), total)
    bare = goalnet(prediction_weight=0.0, distance_weight=0.0)
    torch.testing.assert_close(bare.loss(shown), found.policy)


def test_a_constant_latent_has_no_distance_loss_without_a_margin():
    model = goalnet()
    same = torch.ones(4, 3, 6)
    assert float(model._distance(same, same, same[:, 0])) == 0
    assert float(goalnet(margin=0.5)._distance(same, same, same[:, 0])) == 0.5


@torch.no_grad()
@pytest.mark.parametrize("form", ["raw", "latent"])
def test_weights_depend_on_the_goal_and_the_present_and_on_no_one_else(form):
    model = goalnet(form=form)
    goals, now = model.encode(scenes(3)), model.encode(scenes(3, seed=9))
    own = model.networks(goals, now)
    assert own.shape == (3, model.config.network.num_parameters)
    layers = own.split(model.hypernetwork.lengths, dim=1)
    assert all(float(layer.std(0).max()) > 0 for layer in layers)
    other_goal = model.networks(goals.roll(1, 0), now)
    other_now = model.networks(goals, now.roll(1, 0))
    assert not torch.allclose(other_goal, own)
    assert not torch.allclose(other_now, own)
    torch.testing.assert_close(model.networks(goals[1:2], now[1:2])[0], own[1])
    alone = goalnet(form=form, sees_current=False)
    assert torch.equal(alone.networks(goals, now), alone.networks(goals, now.roll(1, 0)))
    assert not torch.allclose(alone.networks(goals.roll(1, 0), now), alone.networks(goals, now))


@pytest.mark.parametrize("scene", [NUMBERS, PICTURE])
def test_both_ways_agree_on_the_first_step_and_part_afterwards(scene):
    model = goalnet(scene)
    goals = scenes(2, scene=scene)
    every, once = (Pursuit(model, goals, writing=w) for w in ("every-step", "once"))
    steps = []
    for step in range(3):
        now, own = (
            scenes(2, scene=scene, seed=10 + step),
            torch.randn(2, 2, generator=torch.Generator().manual_seed(step)),
        )
        steps.append((every.act(now, own), once.act(now, own)))
    assert torch.equal(*steps[0])
    assert not torch.allclose(*steps[1])
    assert not torch.allclose(*steps[2])


def test_weights_from_the_goal_alone_are_the_same_at_every_step():
    model, goals = goalnet(sees_current=False), scenes(2)
    every, once = (Pursuit(model, goals, writing=w) for w in ("every-step", "once"))
    for step in range(3):
        now, own = scenes(2, seed=10 + step), torch.full((2, 2), 0.1 * step)
        assert torch.equal(every.act(now, own), once.act(now, own))


def test_a_rollout_acts_as_training_has_it():
    model, shown = goalnet(), pairs(moments=1)
    pursuit = Pursuit(model, shown.scenes[shown.goal], writing="every-step")
    for frame in range(2):
        now = shown.scenes[shown.seen[:, 0, frame]]
        action = pursuit.act(now, shown.proprioception[:, 0, frame])
    error = (action - shown.actions[:, 0]).square().mean()
    torch.testing.assert_close(error, model.losses(shown).policy.detach())
    assert float(action.abs().max()) <= 1


def test_the_first_frame_stands_for_those_before_it():
    model, goals, now = goalnet(), scenes(2), scenes(2, seed=5)
    own = torch.full((2, 2), 0.3)
    action = Pursuit(model, goals, writing="once").act(now, own)
    latent = model.encode(now)
    inputs = model.inputs(torch.stack([latent] * 2, 1), torch.stack([own] * 2, 1))
    wanted = model.actions(model.networks(model.encode(goals), latent), inputs[:, None])[:, 0]
    torch.testing.assert_close(action, wanted)


def test_distances_fall_on_the_way_after_a_short_fit():
    generator = torch.Generator().manual_seed(0)
    model = goalnet(margin=0.1)
    shares = torch.linspace(0, 1, 9)

    def seen(count):
        """Points on straight lines to a goal, seen through a fold that hides how far they are."""
        begin, end = torch.rand(2, count, 1, 3, generator=generator) * 5 - 2.5
        return torch.sin(begin + shares[:, None] * (end - begin))

    def rising(lines):
        away = (model.encode(lines) - model.encode(lines[:, -1:])).norm(dim=-1)
        return float((away.diff(dim=1) > 0).float().mean())

    held = seen(100)
    before = rising(held)
    optimiser = torch.optim.Adam(model.scene_encoder.parameters(), lr=0.01)
    for _ in range(40):
        latents = model.encode(seen(32))
        loss = model._distance(latents[:, :-1], latents[:, 1:], latents[:, -1])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert rising(held) < 0.7 * before


def test_the_control_has_as_many_parameters_and_is_told_the_goal():
    config = sizes()
    model = GoalNet(config, generator=torch.Generator())
    wanted = sum(weight.numel() for weight in model.hypernetwork.parameters())
    control = GCBC(matched_gcbc(config, wanted), generator=torch.Generator().manual_seed(0))
    assert control.shared.numel() == pytest.approx(wanted, rel=0.05)
    total = [sum(weight.numel() for weight in m.parameters()) for m in (model, control)]
    assert total[1] == pytest.approx(total[0], rel=0.05)
    assert control.config.margin == config.margin
    goals, inputs = torch.randn(3, 6), torch.randn(3, 4, control.config.input_dim)
    found = control.actions(control.networks(goals, goals), inputs)
    assert found.shape == (3, 4, 2)
    assert not torch.allclose(control.actions(goals.roll(1, 0), inputs), found)
    torch.testing.assert_close(control.actions(goals[1:2], inputs[1:2])[0], found[1])


@pytest.mark.parametrize("make", [goalnet, gcbc])
@pytest.mark.parametrize("scene", [NUMBERS, PICTURE])
def test_what_is_saved_is_what_is_loaded(make, scene, tmp_path):
    model = make(scene)
    if scene == NUMBERS:
        model.fit(scenes(20) * 7 + 3, torch.randn(20, 2) * 4)
    model.threshold.fill_(0.7)
    model.save(tmp_path / "run" / "model")
    loaded = load_goal_policy(tmp_path / "run")
    assert type(loaded) is type(model)
    assert loaded.config == model.config
    assert torch.equal(loaded.encode(scenes(2, scene=scene)), model.encode(scenes(2, scene=scene)))
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    other = GCBC if isinstance(model, GoalNet) else GoalNet
    with pytest.raises(CheckpointError, match="holds a"):
        other.from_pretrained(tmp_path / "run")


def test_units_come_from_training_data():
    model = goalnet()
    rows = scenes(200) * torch.tensor([1.0, 50.0, 1e-3]) + 5
    model.fit(rows, torch.randn(200, 2))
    inside = model.scene_encoder[0](rows)
    torch.testing.assert_close(inside.std(0, correction=0), torch.ones(3))
    torch.testing.assert_close(inside.mean(0), torch.zeros(3), atol=1e-3, rtol=0)
    with pytest.raises(InputError, match="all finite"):
        model.fit(rows * torch.nan, torch.randn(200, 2))
    seeing, pictures = goalnet(PICTURE), scenes(300, scene=PICTURE)
    seeing.fit(pictures, torch.randn(300, 2))
    encoder = seeing.scene_encoder
    with torch.no_grad():
        moved = encoder.read[0](encoder.keypoints(pictures).flatten(-2))
    torch.testing.assert_close(moved.std(0, correction=0), torch.ones(64))


def test_a_keypoint_is_the_place_where_its_channel_is_strongest():
    encoder = goalnet(PICTURE).scene_encoder
    maps = torch.zeros(2, 3, 4, 8)
    maps[0, 1, 1, 7] = maps[1, 2, 3, 0] = 30.0  # sharp
    maps[1, 0, :, 2:4] = 30.0  # between two columns
    encoder.layers = torch.nn.Identity()
    encoder.mean = torch.full((4, 8, 3), 127.5)
    pictures = (maps.movedim(1, -1) + 1) * 127.5  # what the encoder takes colours for
    found = encoder.keypoints(pictures)
    wanted = torch.zeros(2, 3, 2)
    wanted[0, 1] = torch.tensor([1.0, -1 + 2 / 3])
    wanted[1, 2] = torch.tensor([-1.0, 1.0])
    wanted[1, 0] = torch.tensor([-1 + 5 / 7, 0.0])
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


@torch.no_grad()
def test_what_stands_still_in_training_is_nothing_to_the_encoder_of_pictures():
    generator = torch.Generator().manual_seed(2)
    moving, new = (torch.rand(n, *PICTURE, generator=generator) * 100 for n in (30, 5))
    still = torch.rand(PICTURE, generator=generator) * 150
    own = torch.randn(30, 2, generator=generator)
    plain, behind = goalnet(PICTURE), goalnet(PICTURE)
    plain.fit(moving, own)
    behind.fit(moving + still, own)
    found = behind.encode(new + still)
    torch.testing.assert_close(found, plain.encode(new), atol=1e-3, rtol=0)
    assert found.std(0).mean() > 0.01


@torch.no_grad()
def test_arrival_is_a_distance_below_the_threshold():
    model, now, goals = goalnet(), scenes(4), scenes(4, seed=8)
    assert not model.arrived(now, now).any()  # nothing is, before a threshold is known
    away = (model.encode(now) - model.encode(goals)).norm(dim=1)
    model.threshold.fill_(float(away.sort().values[1:3].mean()))
    assert torch.equal(model.arrived(now, goals), away < model.threshold)
    assert int(model.arrived(now, goals).sum()) == 2


def test_what_cannot_be_is_refused(unchecked):
    for changes, match in (
        ({"scene": (3, 4)}, "A scene is"),
        ({"scene": (16, 20, 3)}, "multiples of 8"),
        ({"frames": 0}, "must be positive"),
        ({"margin": -1.0}, "at least 0"),
        ({"blocks": 0}, "must be positive"),
        ({"form": "other"}, "form is"),
    ):
        with pytest.raises(InputError, match=match):
            sizes(**changes)
    model = goalnet()
    with pytest.raises(InputError, match=r"Scenes have shape \(2, 5\)"):
        model.encode(torch.zeros(2, 5))
    with pytest.raises(InputError, match="every-step or once"):
        Pursuit(model, scenes(2), writing="never")
    with pytest.raises(UnknownNameError, match="goalnet"):
        build_goal_policy("goal-net", sizes(), generator=torch.Generator())
    with pytest.raises(InputError, match="GoalNetConfig"):
        build_goal_policy("goalnet", gcbc().config, generator=torch.Generator())
    with pytest.raises(CheckpointError, match="no folder"):
        load_goal_policy("nowhere-at-all")
