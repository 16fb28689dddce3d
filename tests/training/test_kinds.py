"""Every kind of model trains, saves and plans; oracles are told the truth on all ways."""

from dataclasses import replace

import pytest
import torch

from hyperdyn.errors import HyperdynError, InputError
from hyperdyn.generators import GENERATORS, build_generator, load_generator
from hyperdyn.planners import RandomShooting
from hyperdyn.training import evaluation
from hyperdyn.training.checkpoints import Progress
from hyperdyn.training.collect import PlanningAgent, Reset, run_episodes
from hyperdyn.training.configs import TrainConfig
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.evaluation import evaluate
from hyperdyn.training.fitting import fit_round, make_optimiser, round_schedule
from hyperdyn.training.metrics import read_metrics
from hyperdyn.training.on_policy import _split, train
from hyperdyn.training.prediction import change_scale, fixed_windows, prediction_error
from hyperdyn.training.presets import KINDS, PRESETS, ROADS, VARIANTS, preset
from hyperdyn.training.tasks import TASKS, task_for
from hyperdyn.training.windows import fit_normaliser
from tests.training.runs import tiny_of

SLOPE = "hyperdyn/CheetahSlope-v0"
PLANNER = RandomShooting(horizon=3, samples=8)


@pytest.fixture(autouse=True)
def _short_episodes(monkeypatch):
    for env_id, task in list(TASKS.items()):
        monkeypatch.setitem(TASKS, env_id, replace(task, episode_steps=30))
    monkeypatch.setattr(evaluation, "LOCKSTEP", 2)


@pytest.fixture(scope="module")
def experts(tmp_path_factory):
    out = tmp_path_factory.mktemp("experts") / "run"
    train(tiny_of("expert_ensemble", iterations=2, rollouts=5, final_updates=0), out)
    return out


def recorded(rng, steps=60):
    """Four systems, each with a gain of its own."""
    gain = torch.rand(4, 1, 1, generator=rng) + 0.5
    actions = torch.rand(4, steps, 6, generator=rng) * 2 - 1
    change = 0.1 * gain * torch.cat([actions] * 4, dim=-1)[..., :20]
    context = {"heights": [0.5, 3.5] * 5, "segment_length": 3.0}
    return Episodes(
        states=torch.cat([torch.zeros(4, 1, 20), change.cumsum(1)], dim=1),
        actions=actions,
        rewards=torch.zeros(4, steps),
        lengths=torch.full((4,), steps),
        contexts=(context,) * 4,
    )


def fitted(config, episodes, rng):
    """The training loss of each pass."""
    model = build_generator(config.kind, config.model, generator=rng)
    fit_normaliser(model, episodes, rng, rows=500)
    return fit(model, make_optimiser(model, config), config, episodes)


def fit(model, optimiser, config, episodes):
    progress, losses = Progress(), []
    fit_round(
        model,
        optimiser,
        config,
        replace(round_schedule(config, 0), stops_early=False),
        episodes[[0, 1, 2]],
        episodes[[3]],
        progress,
        save=lambda: None,
        on_updates=lambda updates: losses.append(progress.training_loss),
    )
    return losses


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_every_kind_fits_recorded_episodes(kind, rng):
    config = tiny_of(kind, epochs=25, unroll=2, learning_rate=1e-2)
    losses = fitted(config, recorded(rng), rng)
    assert losses[-1] < 0.9 * losses[0]


def test_large_gradients_are_shortened(rng, monkeypatch):
    norms = []
    step = torch.optim.Adam.step

    def noted(self, *args):
        gradients = [p.grad for group in self.param_groups for p in group["params"]]
        norms.append(torch.nn.utils.get_total_norm(gradients).item())
        return step(self, *args)

    monkeypatch.setattr(torch.optim.Adam, "step", noted)
    fitted(tiny_of("direct", epochs=2), recorded(rng), rng)
    assert max(norms) > 0.01  # what is shortened below
    norms.clear()
    fitted(tiny_of("direct", epochs=2, gradient_norm=0.01), recorded(rng), rng)
    assert max(norms) == pytest.approx(0.01, rel=1e-3)


def test_averages_of_weights_without_gradient_do_not_stay_denormal(rng):
    config, episodes = tiny_of("hyperdynamics", epochs=5), recorded(rng)
    model = build_generator(config.kind, config.model, generator=rng)
    fit_normaliser(model, episodes, rng, rows=500)
    optimiser, first = make_optimiser(model, config), model.encoder.layers[0]
    first.bias.data[0] = -1e6  # its rectifier is always off
    fit(model, optimiser, config, episodes)
    averages = optimiser.state[first.weight]["exp_avg"]
    assert (averages[0] == 0).all()
    tiny = torch.finfo(torch.float32).tiny
    averages[0] = 1.5 * tiny  # where they are after some 900 steps of 0.9 times as much
    fit(model, optimiser, config, episodes)
    for state in optimiser.state.values():
        for name in ("exp_avg", "exp_avg_sq"):
            assert ((state[name] == 0) | (state[name].abs() >= tiny)).all()
    assert (averages[0] == 0).all()
    assert (torch.tensor(tiny) / 2).item() > 0  # only while fitting


def test_a_loss_that_is_not_finite_ends_the_training(rng):
    config = tiny_of("hyperdynamics", learning_rate=1e20)
    with pytest.raises(HyperdynError, match="not finite in pass 1 of round 1"):
        fitted(config, recorded(rng), rng)


def test_experts_are_trained_each_on_its_own_ground(experts):
    task = task_for(SLOPE)
    met = []
    for number in range(2):
        episodes = Episodes.load(experts / "data" / f"{number:04d}")
        for context in episodes.contexts:
            assert len(set(context["heights"])) == 1
            met.append(context["heights"][0])
    assert sorted(set(met)) == [expert.truth[0] for expert in task.experts]
    assert len(read_metrics(experts)) == 2


def test_experts_all_have_their_turn_in_validation():
    config = preset("ant-pier-expert-ensemble-reduced")
    task, episodes = task_for(config.env_id), 100
    from hyperdyn.training.groups import _options

    model = build_generator(config.kind, config.model, generator=torch.Generator())
    options = [_options(task, model, number) for number in range(episodes)]
    blank = Episodes(
        states=torch.zeros(episodes, 2, 30),
        actions=torch.zeros(episodes, 1, 8),
        rewards=torch.zeros(episodes, 1),
        lengths=torch.ones(episodes, dtype=torch.long),
        contexts=tuple(options),
    )
    training, validation = _split(config, blank, list(range(episodes)))
    for part, each in ((training, 18), (validation, 2)):
        counts = [part.contexts.count(expert.options) for expert in task.experts]
        assert counts == [each] * 5


def test_planning_with_experts_tells_them_the_ground_below(experts, monkeypatch):
    model = load_generator(experts)
    told = []
    generate = model.generate
    monkeypatch.setattr(
        model, "generate", lambda h, truth=None: (told.append(truth), generate(h, truth=truth))[1]
    )
    summary, episodes = evaluate(
        model, SLOPE, "novel", episodes=2, seed=0, planner=PLANNER, progress=False
    )
    assert len(summary.returns) == 2
    assert len(told) == 30 - 16
    expected = task_for(SLOPE).truths(episodes)
    for step, truth in zip(range(16, 30), told, strict=True):
        assert torch.equal(truth, expected[:, step])


def test_experts_hear_of_a_change_and_others_are_never_told(experts, rng, monkeypatch):
    env_id, task = "hyperdyn/CheetahFlip-v0", TASKS["hyperdyn/CheetahFlip-v0"]
    for kind in ("expert_ensemble", "direct"):
        config = tiny_of(kind, env_id)
        model = build_generator(kind, config.model, generator=rng)
        told = []
        generate = model.generate
        monkeypatch.setattr(
            model,
            "generate",
            lambda h, truth=None, g=generate, t=told: (t.append(truth), g(h, truth=truth))[1],
        )
        agent = PlanningAgent(model, PLANNER, task.objective(), rng)
        options = {"signs": [1.0] * 6, "schedule": {20: {"signs": [-1.0] * 6}}}
        run_episodes(env_id, agent, [Reset(0, options)], 24)
        if kind == "direct":
            assert told == [None] * 8
        else:
            # Steps 16 to 20 are planned before it shows, 21 to 23 after.
            assert [float(truth.sum()) for truth in told] == [6.0] * 5 + [-6.0] * 3


def test_prediction_errors_of_experts_use_the_truth(experts):
    model, episodes = load_generator(experts), Episodes.load(experts / "data" / "0000")
    scale, column = change_scale(episodes), task_for(SLOPE).progress_column
    windows = fixed_windows(episodes, 16, 4, task_for(SLOPE))
    assert prediction_error(model, windows, scale, column).one_step.isfinite().all()
    with pytest.raises(InputError, match="must be told"):
        prediction_error(model, fixed_windows(episodes, 16, 4), scale, column)


def test_masked_training_differs_from_plain_and_repeats(tmp_path):
    weights = {}
    for name, share in (("plain", 0.0), ("masked", 0.5), ("again", 0.5)):
        config = tiny_of("hyperdynamics", iterations=1, rollouts=2, final_updates=0)
        train(replace(config, hidden_share=share), tmp_path / name)
        weights[name] = load_generator(tmp_path / name).head.output.bias
    assert torch.equal(weights["masked"], weights["again"])
    assert not torch.equal(weights["masked"], weights["plain"])


def test_settings_that_do_not_go_together_are_refused():
    maml = tiny_of("maml")
    with pytest.raises(InputError, match="no encoder to hide steps from"):
        replace(maml, hidden_share=0.1)
    with pytest.raises(InputError, match="hidden_share is a probability"):
        replace(tiny_of("direct"), hidden_share=1.0)
    with pytest.raises(InputError, match="'cadm' is made from a CaDMConfig; got a MAMLConfig"):
        replace(maml, kind="cadm")


def test_the_presets_cover_every_task_and_model_at_one_budget():
    budget = preset("ant-pier-hyperdynamics-reduced")
    assert (budget.iterations, budget.rollouts, budget.steps) == (20, 5, 500)
    assert (budget.samples, budget.horizon) == (250, 20)
    assert set(ROADS.values()) == set(TASKS) - {"hyperdyn/CheetahSlope15m-v0"}
    for number, (road, env_id) in enumerate(ROADS.items()):
        names = [kind.replace("_", "-") for kind in KINDS] + [*VARIANTS]
        for name in names:
            run, task = preset(f"{road}-{name}-reduced"), task_for(env_id)
            assert run.env_id == env_id
            assert run.model.state_space == task.state_space
            assert run.model.action_dim == task.action_dim
            assert run.model.network.sizes[1:-1] == (128, 128)
            assert without_kind(run) == without_kind(budget)
            if number < 4 and name not in VARIANTS:
                paper = preset(f"{road}-{name}-paper")
                assert (paper.iterations, paper.rollouts) == (150, 10)
                assert paper.model == run.model


def without_kind(run: TrainConfig) -> dict[str, object]:
    own = ("env_id", "kind", "model", "hidden_share", "unroll", "final_unroll", "planner")
    return {key: value for key, value in vars(run).items() if key not in own}


def test_each_variant_changes_one_thing():
    base = preset("ant-pier-hyperdynamics-reduced")
    assert preset("ant-pier-unbased-reduced").model.initialisation == "hyperfan-in"
    assert preset("ant-pier-ensemble-reduced").kind == "hyperdynamics_ensemble"
    assert [preset(f"ant-pier-code-{z}-reduced").model.code_dim for z in (4, 8)] == [4, 8]
    assert preset("ant-pier-normalised-reduced").kind == "hyperdynamics_normalised"
    assert preset("ant-flip-gru-reduced").kind == "hyperdynamics_gru"
    assert preset("ant-pier-masked-reduced") == replace(base, hidden_share=0.3)
    leaky = replace(base.model, encoder_activation="leaky_relu")
    assert preset("ant-pier-leaky-reduced") == replace(base, model=leaky)
    assert preset("ant-pier-one-step-reduced") == replace(base, unroll=1, final_unroll=1)
    assert preset("ant-pier-cem-driven-reduced") == replace(base, planner="cem-cold")
    assert len(PRESETS) == len({repr(run) for run in PRESETS.values()})
