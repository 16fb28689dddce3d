"""Policies for goals as a study: trained side by side, tried, planned with, and tabled."""

import dataclasses
import json
from functools import partial
from pathlib import Path

import pytest
import torch

pytest.importorskip("pybullet")

from hyperdyn import assets, envs
from hyperdyn.cli.main import main
from hyperdyn.errors import CheckpointError, InputError, UnknownNameError
from hyperdyn.perception import NoObjectError
from hyperdyn.planners import Mixture
from hyperdyn.policies import GoalPolicy, Pursuit, build_goal_policy, load_goal_policy
from hyperdyn.storage import write_folder
from hyperdyn.training.goals import episodes as goal_episodes
from hyperdyn.training.goals import goal_cells, planned, runs, trials
from hyperdyn.training.goals.configs import goal_run
from hyperdyn.training.goals.demonstrations import KIND, GoalCollection, trial_folder
from hyperdyn.training.goals.evaluation import (
    evaluate_goals,
    from_json,
    policy_scores,
    run_goal_trial,
    to_json,
    writings_of,
)
from hyperdyn.training.goals.page import page
from hyperdyn.training.goals.planned import FewCandidates, GoalProposal, PlanningActor, plan_trials
from hyperdyn.training.goals.runs import GoalRun, finished_runs, train_runs
from hyperdyn.training.goals.training import train_goals
from hyperdyn.training.goals.trials import GoalTrial, trials_of
from hyperdyn.training.goals.views import goal_seen, poses, proprioception
from hyperdyn.training.run_folder import open_run
from tests.training.goal_data import TINY
from tests.training.push_standin import Disc, Standin

PUSHES = 3


TRIAL = GoalTrial(
    number=0,
    object="x",
    success=True,
    left_table=False,
    lost=False,
    distance=0.02,
    pushes=1,
    truly=(True,),
    detected=(True,),
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Two demonstrations, of three and four pushes along a line."""
    folder = tmp_path_factory.mktemp("shown")
    open_run(GoalCollection(trials=2), folder, resume=False)
    for number in range(2):
        T = 3 + number
        states = torch.zeros(T + 1, 16)
        states[:, 0] = states[:, 13] = torch.arange(T + 1) / 20
        states[:, 6] = 1.0
        pictures = torch.arange(T + 1, dtype=torch.uint8)[:, None, None, None] * 20
        tensors = {
            "states": states,
            "actions": torch.full((T, 3), 0.5),
            "pictures": pictures.repeat(1, 128, 128, 3),
        }
        about = {"object": "x", "success": True, "ending": "home"}
        write_folder(trial_folder(folder, number), KIND, about, tensors)
    return folder


@pytest.fixture(scope="module")
def study(shown, tmp_path_factory):
    """Tiny policies: of states two seeds of one and one of others, and one of pictures."""
    folder = tmp_path_factory.mktemp("study")
    for scene, preset, seed in (
        ("state", "goalnet", 0),
        ("state", "goalnet", 1),
        ("state", "goalnet-goal-only", 0),
        ("state", "gcbc", 0),
        ("image", "goalnet", 0),
    ):
        found = goal_episodes.read_episodes(shown, scene)
        config = goal_run(preset, found, sizes=TINY, steps=2, seed=seed)
        train_goals(config, folder / f"{scene}-{preset}-{seed}", found)
    return folder


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Episodes of three pushes."""
    monkeypatch.setattr(trials, "make", partial(envs.make, max_episode_steps=PUSHES))


def policy(study, name="state-goalnet-0") -> GoalPolicy:
    return load_goal_policy(study / name)


def test_a_trial_is_the_same_again_and_its_record_is_consistent(study):
    config = trials_of("seen", 2, 0)
    for name in ("state-goalnet-0", "image-goalnet-0"):
        model = policy(study, name)
        first, again = (run_goal_trial(model, config, 1, writing="every-step") for _ in range(2))
        assert first == again == from_json(json.loads(json.dumps(to_json([first]))))[0]
        assert first.pushes == len(first.truly) == len(first.detected) <= PUSHES
        assert first.truly[-1] == (first.distance <= 0.04)
        assert not any(first.truly[:-1])
    other = run_goal_trial(model, config, 0, writing="every-step")
    assert other.distance != first.distance


def test_ways_of_writing_are_tried_where_they_differ(study):
    assert writings_of(policy(study)) == ("every-step", "once")
    assert writings_of(policy(study, "state-goalnet-goal-only-0")) == ("once",)
    assert writings_of(policy(study, "state-gcbc-0")) == ("every-step",)


def test_scores_of_several_seeds_are_those_of_all_trials():
    def trial(success, distance):
        changes = {"success": success, "left_table": not success, "truly": (success,)}
        return dataclasses.replace(TRIAL, distance=distance, **changes)

    scores = policy_scores([[trial(True, 0.02)] * 3, [trial(False, 0.2), trial(True, 0.02)]])
    assert scores["success"] == 0.8
    assert scores["by_seed"] == [1.0, 0.5]
    assert scores["ci95"][0] == pytest.approx(0.6)  # the first seed's are all alike
    assert scores["ci95"][1] == 1.0
    assert scores["left_table"] == pytest.approx(0.2)
    assert scores["trials"] == 5
    assert scores["distance"] == pytest.approx((4 * 0.02 + 0.2) / 5)
    assert scores["detector"]["pushes"]["precision"] == 0.8


@torch.no_grad()
def test_the_proposal_is_the_policy_rolled_out_in_the_dynamics(study):
    model, state = policy(study), torch.zeros(1, 16)
    state[0, 6], state[0, 13] = 1.0, -0.1
    before, goal = state[0].clone(), torch.tensor([0.2, 0.1, 1.0, 0.0])
    before[13] = -0.15
    low, high = torch.tensor([-1.0, -1.0, 0.0]), torch.tensor([1.0, 1.0, 0.0])
    drawn = GoalProposal(model=model, goal=goal, before=(before,)).propose(
        Disc(), state, 3, horizon=4, low=low, high=high, generator=torch.Generator()
    )
    assert drawn.shape == (1, 3, 4, 3)
    pursuit, now = Pursuit(model, goal[None], writing="every-step"), state
    pursuit.act(poses(before)[None], proprioception(before)[None])
    for step in range(4):
        action = pursuit.act(poses(now), proprioception(now)).clamp(low, high)
        torch.testing.assert_close(drawn[0, :1, step], action)
        now = Disc().rollout(now, action[:, None, None])[:, 0, -1]
    assert not torch.allclose(drawn[0, 1], drawn[0, 0])
    alone = GoalProposal(model=model, goal=goal, before=()).propose(
        Disc(), state, 1, horizon=4, low=low, high=high, generator=torch.Generator()
    )
    assert not torch.allclose(alone[0, 0], drawn[0, 0])  # the frame before counts
    with pytest.raises(InputError, match="--scenes state"):
        GoalProposal(model=policy(study, "image-goalnet-0"), goal=goal, before=())


def test_a_planned_trial_draws_from_where_it_is_told(study, monkeypatch):
    config, seen = trials_of("seen", 1, 0), []

    def noted(self):
        seen.append(proposal(self))
        return seen[-1]

    proposal = PlanningActor._proposal
    monkeypatch.setattr(PlanningActor, "_proposal", noted)
    found = {}
    for candidates in planned.CANDIDATES:
        for model in (None, policy(study)):
            few = FewCandidates(samples=8, candidates=candidates)
            assert few.planner(config).population(2) == 8
            found[candidates, model is None] = plan_trials(Standin(), few, model, config)[0]
            last = seen[-1]
            if isinstance(last, Mixture):
                names = [share.name for share in last.shares]
                assert names == (["policy"] if candidates == "own" else ["policy", "approach"])
                assert last.shares[0].proposal.goal.shape == (4,)
                assert len(last.shares[0].proposal.before) == 1
            else:
                assert model is None
                assert (last is None) == (candidates == "own")
    assert all(trial.pushes <= PUSHES and not any(trial.detected) for trial in found.values())
    again = plan_trials(Standin(), FewCandidates(samples=8, candidates="own"), None, config)[0]
    assert again == found["own", True]
    assert len({trial.distance for trial in found.values()}) > 1
    (lost,) = plan_trials(Standin(blind=True), few, None, config)
    assert lost.lost
    assert not lost.success
    assert lost.pushes == 0
    with pytest.raises(InputError, match="--scenes state"):
        plan_trials(Standin(), few, policy(study, "image-goalnet-0"), config)
    with pytest.raises(UnknownNameError, match="approach"):
        FewCandidates(samples=8, candidates="aproach")
    with pytest.raises(InputError, match="At least 4"):
        FewCandidates(samples=3, candidates="own")


def train(shown, study, *words):
    return main(["train", "goalnet", *words, "--demonstrations", str(shown), "--study", str(study)])


def test_a_study_is_trained_and_gone_on_with(shown, tmp_path, monkeypatch, capsys):
    made = []

    def noted(config, out, *arguments, **options):
        made.append(out.name)
        return train_goals(config, out, *arguments, **options)

    monkeypatch.setattr(runs, "train_goals", noted)
    words = ("gcbc", "gcbc-shaped", "--steps", "1", "--workers", "1")
    assert train(shown, tmp_path, *words, "--scenes", "state", "image") == 0
    wanted = [f"{scene}-{preset}-0" for scene in ("state", "image") for preset in words[:2]]
    assert made == wanted
    assert {run.name for run in finished_runs(tmp_path)} == set(wanted)
    assert load_goal_policy(tmp_path / "image-gcbc-0").config.scene == (64, 64, 3)
    assert train(shown, tmp_path, *words, "--seeds", "0", "1") == 0
    assert made == [*wanted, "state-gcbc-1", "state-gcbc-shaped-1"]
    threads = torch.get_num_threads()
    with pytest.raises(CheckpointError, match="other settings"):
        train_runs(
            {
                GoalRun(scene="state", preset="gcbc", seed=0): goal_run(
                    "gcbc", goal_episodes.read_episodes(shown, "state"), steps=3
                )
            },
            tmp_path,
            shown,
            workers=1,
        )
    assert torch.get_num_threads() == threads
    capsys.readouterr()
    for wrong, text in (
        (("goalnt",), "'goalnet'"),
        (("goalnet", "--scenes", "imag"), "'image'"),
        (("goalnet", "--budget", "larg"), "'large'"),
        (("goalnet", "--seeds", "-1"), "none negative"),
        (("goalnet", "--workers", "0"), "--workers"),
    ):
        assert train(shown, tmp_path, *wrong) == 2
        assert text in capsys.readouterr().err


@pytest.mark.slow
def test_runs_side_by_side_are_those_of_one_after_the_other(shown, tmp_path):
    found = goal_episodes.read_episodes(shown, "state")
    configs = {
        GoalRun(scene="state", preset=preset, seed=0): goal_run(
            preset, found, sizes=TINY, steps=2, contexts=4
        )
        for preset in ("goalnet", "gcbc")
    }
    steps: list[int] = []
    train_runs(configs, tmp_path / "two", shown, workers=2, on_steps=steps.append)
    assert sum(steps) == 4
    train_runs(configs, tmp_path / "one", shown, workers=1)
    for run in configs:
        one, two = (load_goal_policy(tmp_path / part / run.name) for part in ("one", "two"))
        for key, value in one.state_dict().items():
            assert torch.equal(two.state_dict()[key], value), key


@pytest.fixture
def tabled(study, tmp_path, monkeypatch):
    """The tables, made once; and how many cells were worked out."""
    calls = []

    def pursued(*arguments, **options):
        calls.append(options["writing"])
        return evaluate_goals(*arguments, **options)

    def planning(pusher, few, model, config):
        calls.append((few.samples, few.candidates, model is not None, config.seed))
        return [dataclasses.replace(TRIAL, success=model is not None, number=config.seed)]

    monkeypatch.setattr(goal_cells, "evaluate_goals", pursued)
    monkeypatch.setattr(goal_cells, "plan_trials", planning)
    monkeypatch.setattr(goal_cells, "load_pusher", Path)
    monkeypatch.setattr(goal_cells, "ModelPusher", lambda folder: folder)
    words = ["tables", "goalnet", "--json", str(tmp_path / "goals.json"), "--runs", str(study)]
    words += ["--trials", "1", "--workers", "1", "--candidates", "8", "--split", "seen"]
    assert main(words) == 0
    return words, tmp_path / "goals.json", calls


def test_the_tables_hold_every_run_and_cells_are_kept(study, tabled, tmp_path, capsys):
    words, file, calls = tabled
    found = json.loads(file.read_text())
    assert list(found["goals"]) == ["state", "image"]
    rows = found["goals"]["state"]
    assert {name: list(row) for name, row in rows.items()} == {
        "goalnet": ["every-step", "once"],
        "goalnet-goal-only": ["once"],
        "gcbc": ["every-step"],
    }
    both = [
        run_goal_trial(
            policy(study, f"state-goalnet-{s}"), trials_of("seen", 1, s), 0, writing="once"
        )
        for s in (0, 1)
    ]
    assert rows["goalnet"]["once"]["seeds"] == [0, 1]
    assert rows["goalnet"]["once"]["by_seed"] == [float(trial.success) for trial in both]
    mean = sum(trial.distance for trial in both) / 2
    assert rows["goalnet"]["once"]["distance"] == pytest.approx(mean)
    planning = found["planning"]
    assert [(r["candidates"], r["policy"], r["trials"]) for r in planning] == [
        (candidates, name, count)
        for candidates in ("own", "approach")
        for name, count in (("none", 2), ("goalnet", 2), ("gcbc", 1))
    ]
    assert [row["success"] for row in planning] == [0.0, 1.0, 1.0] * 2
    assert calls.count((8, "own", False, 1)) == 1
    assert found["setting"]["training"]["state-goalnet-0"]["steps"] == 2
    text = file.with_suffix(".md").read_text()
    assert "| goalnet-goal-only | once | " in text
    assert "| 8 x 3 | approach | gcbc | " in text
    assert "within 4 cm" in text
    made = len(calls)
    assert made == 2 + 2 + 1 + 1 + 2 + 10
    assert main(words) == 0
    assert len(calls) == made
    assert json.loads(file.read_text()) == found
    capsys.readouterr()
    for wrong, said in (
        (["--tables", "goal"], "'goals'"),
        (["--split", "nove"], "'novel'"),
        (["--candidates", "2"], "At least 4"),
        (["--trials", "0"], "--trials"),
        (["--model", "pus"], "'push'"),
        (["--runs", str(tmp_path)], "no finished run"),
    ):
        assert main([*words, *wrong]) == 2
        assert said in capsys.readouterr().err


def test_what_is_packed_is_tabled_unless_runs_are_named(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(assets, "_folder", lambda kind: tmp_path)
    words = ["tables", "goalnet", "--json", str(tmp_path / "t.json"), "--tables", "goals"]
    words += ["--trials", "1", "--workers", "1", "--split", "seen"]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "goalnet holds no finished run" in said
    assert "--runs" in said
    begun = tmp_path / "begun"
    (begun / "state-gcbc-0").mkdir(parents=True)
    pack = ["pack", "--out", str(tmp_path / "goalnet")]
    assert main([*pack, str(begun)]) == 2
    assert "no finished run" in capsys.readouterr().err
    assert main([*pack, str(study)]) == 0
    packed = tmp_path / "goalnet"
    assert finished_runs(packed) == finished_runs(study)
    for run in finished_runs(study):
        files = {file.name for file in (packed / run.name).rglob("*") if file.is_file()}
        assert files == {"config.json", "tensors.safetensors", "run.json", "metrics.jsonl"}
    assert main(words) == 0
    found = json.loads((tmp_path / "t.json").read_text())
    assert set(found["goals"]) == {"state", "image"}
    assert found["setting"]["training"].keys() == {run.name for run in finished_runs(study)}


@pytest.mark.parametrize("scene", ["state", "image"])
@pytest.mark.parametrize("preset", ["goalnet", "gcbc"])
def test_runs_of_the_reduced_budget_are_small_enough_to_be_packaged(shown, scene, preset):
    config = goal_run(preset, goal_episodes.read_episodes(shown, scene))
    model = build_goal_policy(config.kind, config.model, generator=torch.Generator())
    assert (
        sum(value.numel() * value.element_size() for value in model.state_dict().values()) < 1.6e6
    )


def test_policies_of_unequal_settings_are_not_compared(shown, study, tmp_path, capsys):
    found = goal_episodes.read_episodes(shown, "state")
    for preset, steps in (("goalnet", 1), ("gcbc", 2)):
        config = goal_run(preset, found, sizes=TINY, steps=steps)
        train_goals(config, tmp_path / f"state-{preset}-0", found)
    assert main(["tables", "goalnet", "--json", str(tmp_path / "t.json"), "--runs", str(tmp_path)])
    assert "compared at equal settings" in capsys.readouterr().err


def test_the_command_tries_both_ways_and_writes_a_page(study, tmp_path, capsys):
    file = tmp_path / "found" / "goals.json"
    run = str(study / "state-goalnet-0")
    words = ["evaluate", "goalnet", run, "--trials", "1", "--json", str(file)]
    assert main(words) == 0
    found = json.loads(file.read_text())
    rows = found["goals"]["state"][run]
    assert list(rows) == ["every-step", "once"]
    assert rows["once"]["threshold"] == float(policy(study).threshold)
    assert len(rows["once"]["every_trial"]) == 1
    assert capsys.readouterr().out.count("success") == 2
    assert file.with_suffix(".md").read_text() == page(found)
    assert main(["evaluate", "goalnet", str(tmp_path / "none")]) != 0
    assert main(["collect", "goals", "--out", str(file.parent), "--planner", "none"]) == 2


def test_an_actor_that_does_not_find_the_object_has_lost():
    def begin(env, state):
        assert goal_seen(env, state, "state").shape == (4,)
        raise NoObjectError("nothing there")

    found = trials.run_actor(begin, trials_of("novel", 1, 0), 0)
    assert found.lost
    assert (found.pushes, found.truly, found.success) == (0, (), False)
    assert found.distance > 0.04
