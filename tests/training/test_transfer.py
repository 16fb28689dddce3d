"""The study of sampled policies: cells, tables, the page, and the command, on a tiny study."""

import dataclasses
import json
import shlex
import shutil
from functools import partial

import numpy as np
import pytest
import torch

from hyperdyn import assets
from hyperdyn.cli.main import main, parse
from hyperdyn.envs import make
from hyperdyn.envs.meta import FAMILIES
from hyperdyn.errors import CheckpointError, InputError
from hyperdyn.genhyper import load_sampler
from hyperdyn.policies import GeneratedPolicy
from hyperdyn.storage import write_folder
from hyperdyn.training.cells import read_cell, work_out
from hyperdyn.training.experts import worlds
from hyperdyn.training.experts.policies import ExpertPolicies, task_folder
from hyperdyn.training.seeds import seed_for, torch_generator
from hyperdyn.training.transfer import measurements, proposing
from hyperdyn.training.transfer.page import page
from hyperdyn.training.transfer.reference import read_reference
from hyperdyn.training.transfer.tables import TransferStudy, _chosen
from hyperdyn.training.tuning.starts import conditions_of
from hyperdyn.training.tuning.tuned import Tuned
from tests.training.transfer_study import (
    FAMILY,
    SPEC,
    STEPS,
    add_experts,
    add_sampler,
    add_tuned,
)

TEST = FAMILIES[FAMILY].test


@pytest.fixture(scope="module")
def short_episodes():
    """Episodes of a few steps, wherever they are played."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (worlds, proposing):
            patch.setattr(module, "make", partial(make, max_episode_steps=STEPS))
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory, short_episodes):
    """Experts, four samplers, and three runs of fine-tuning."""
    root = tmp_path_factory.mktemp("transfer")
    experts, runs = add_experts(root / "experts"), root / "runs"
    base = add_sampler(runs, experts, "hyplatent-weight")
    add_sampler(runs, experts, "hyplatent-weight", tasks=2, seed=1)
    add_sampler(runs, experts, "regression")
    add_sampler(runs, experts, "hypformer", base=base)
    add_tuned(runs, "tuned", base, td_weight=0.0)
    add_tuned(runs, "scratch")
    found = TransferStudy(
        folder=runs,
        experts=(experts,),
        kept=root / "tables.cells",
        count=2,
        episodes=2,
        selecting=1,
        samples=15,
        horizon=2,
        planners=("cem",),
    )
    for _ in work_out(found.cells(("zero_shot", "proposals")), found.kept, workers=1):
        pass
    return found


def test_the_runs_are_known_by_what_they_learnt(study):
    named = [(run.method, run.tasks, run.seed) for run in study.samplers]
    assert named == [
        ("hyplatent-weight", 2, 1),
        ("hypformer on hyplatent-weight", 3, 0),
        ("hyplatent-weight", 3, 0),
        ("regression", 3, 0),
    ]
    assert [run.tasks for run in study.headline(FAMILY)] == [3]
    assert list(study.curves(FAMILY)) == [
        "scratch (from scratch)",
        "tuned (hyplatent-weight, 3 tasks)",
    ]


def test_samples_are_measured_as_they_act(study):
    run = study.headline(FAMILY)[0]
    cell = read_cell(study._sampled(run), study.kept)
    policies = load_sampler(run.folder).sample(
        conditions_of(FAMILY, TEST), 2, torch_generator(0, "expert")
    )
    env = make(FAMILIES[FAMILY].env_id)
    returns = []
    for episode in range(2):
        start = seed_for(0, "evaluate", TEST[1], episode)
        seen, _ = env.reset(seed=start, options={"task": TEST[1]})
        total = 0.0
        for _ in range(STEPS):
            action = policies[3].act(torch.as_tensor(seen, dtype=torch.float32)[None])[0]
            seen, reward, *_ = env.step(action.numpy())
            total += float(reward)
        returns.append(total)
    env.close()
    assert cell["returns"][1][1] == pytest.approx(np.mean(returns), rel=1e-4)
    assert np.shape(cell["selection"]) == (5, 2)
    assert not np.allclose(cell["selection"], cell["returns"])  # other episodes
    assert min(cell["behaviour"]) > 1e-4
    alone = read_cell(study._sampled(study.samplers[3]), study.kept)
    assert np.shape(alone["returns"]) == (5, 1)  # the regression draws nothing
    assert "behaviour" not in alone


def test_experts_act_by_their_last_actors(study):
    policies = read_reference(study.experts[0]).policies
    assert isinstance(policies, GeneratedPolicy)
    own = ExpertPolicies.read(study.experts[0], TEST[2])
    seen = torch.randn(2, 1, 20, generator=torch.Generator().manual_seed(0))
    wanted = own.act(seen)[-1, 0]
    found = policies[2].act(seen[1:, 0])[0]
    torch.testing.assert_close(found, wanted)
    assert not torch.allclose(own.act(seen[1:].expand(2, -1, -1))[0, 0], wanted)


def test_a_choice_is_made_on_other_episodes_than_it_is_scored_on():
    cell = {"returns": [[1.0, 5.0], [3.0, 2.0]], "selection": [[9.0, 8.0], [0.0, 4.0]]}
    assert _chosen(cell) == [[1.0], [2.0]]


def test_tables_have_what_was_measured(study):
    found = study.tables(("zero_shot", "fine_tuning", "diversity", "proposals"))
    zero = found["zero_shot"][FAMILY]
    assert list(zero["by_training_tasks"]) == ["2", "3"]
    row = zero["by_training_tasks"]["3"]["hyplatent-weight"]
    cell = read_cell(study._sampled(study.headline(FAMILY)[0]), study.kept)
    assert row["mean"] == pytest.approx(np.mean(cell["returns"]))
    assert (zero["mean"], zero["of"]) == (row["mean"], "hyplatent-weight")
    samples = np.mean(cell["returns"], axis=0)
    assert row["ci95"] == pytest.approx([samples.min(), samples.max()])  # two of them
    alone = zero["by_training_tasks"]["3"]["regression"]
    assert (alone["ci95"], row["selected"]["ci95"]) == (None, None)
    assert zero["expert"]["ci95"] is not None
    assert row["selected"]["mean"] == pytest.approx(np.mean(_chosen(cell)))
    assert len(zero["expert"]["by_task"]) == 5
    spread = found["diversity"][FAMILY]
    assert "regression, 3 tasks, seed 0" not in spread
    wanted = np.std(cell["returns"], axis=1, ddof=1).mean()
    assert spread["hyplatent-weight, 3 tasks, seed 0"]["returns"] == pytest.approx(wanted)
    helped = found["proposals"][FAMILY]["cem"]
    assert list(helped) == ["alone", "1 raw", "2 raw", "1 refined", "1 raw and 1 refined"]
    assert len({row["mean"] for row in helped.values()}) == 5
    for row in helped.values():
        assert -40 * STEPS < row["mean"] < 0


def test_fine_tuning_is_compared_with_scratch_on_the_same_rows(study, monkeypatch):
    found = study.tables(("fine_tuning",))["fine_tuning"][FAMILY]
    row = found["runs"]["tuned (hyplatent-weight, 3 tasks)"]
    assert (row["steps"], row["against"]) == ([0, 10, 20], "scratch")
    assert row["generated"]["budget"] == row["scratch"]["budget"] == 20
    assert row["generated"]["rows"] == row["scratch"]["rows"] == 4
    assert row["settings"]["td_weight"] == 0.0
    assert (found["step_ratio"], found["of"]) == (row["ratio"], "tuned (hyplatent-weight, 3 tasks)")
    other = found["runs"]["scratch (from scratch)"]
    assert "ratio" not in other
    assert other["settings"] == {}
    # Where the headline's actors were not tuned, another generator's stand for the family.
    monkeypatch.setattr(TransferStudy, "headline", lambda study, family: [])
    again = study.tables(("fine_tuning",))["fine_tuning"][FAMILY]
    assert (again["of"], again["bound"]) == (found["of"], found["bound"])


def test_scratch_on_other_tasks_compares_with_nothing(study, monkeypatch):
    (tuned,) = (run for run in study.tuned if run.tuned.meta.model)
    (scratch,) = (run for run in study.tuned if not run.tuned.meta.model)

    def compared(tasks):
        own = Tuned(
            meta=dataclasses.replace(scratch.tuned.meta, tasks=tasks),
            actors=scratch.tuned.actors[:1].expand(len(tasks), -1),
            returns=torch.zeros(3, len(tasks)),
        )
        runs = (tuned, dataclasses.replace(scratch, tuned=own))
        monkeypatch.setattr(TransferStudy, "tuned", runs)
        return dataclasses.replace(study).tables(("fine_tuning",))["fine_tuning"][FAMILY]

    tasks = tuple(sorted(set(tuned.tuned.meta.tasks)))
    again = compared(tasks)
    assert again["of"] == "tuned (hyplatent-weight, 3 tasks)"
    assert again["runs"][again["of"]]["scratch"]["rows"] == len(tasks)
    for others in (tasks[:1], (*tasks[:1], 39), (*tasks, 39)):
        lone = compared(others)
        assert lone["step_ratio"] is None
        assert "ratio" not in lone["runs"]["tuned (hyplatent-weight, 3 tasks)"]


@pytest.mark.parametrize("planner", ["icem", "mppi"])
def test_policies_have_their_share_whatever_the_planner(study, planner, monkeypatch):
    mixtures = []
    monkeypatch.setattr(
        proposing, "MPC", lambda planner, objective, mixture, **kwargs: mixtures.append(mixture)
    )
    own = dataclasses.replace(study, planners=(planner,), count=4)
    cells = dict(own._helped(FAMILY))
    with pytest.raises(AttributeError):  # there is no controller
        cells["3 raw and 1 refined"].work_out()
    (mixture,) = mixtures
    names = [part.name for part in mixture.shares]
    assert names == ["raw 0", "raw 1", "raw 2", "refined 0"]
    assert {part.share for part in mixture.shares} == {0.125}
    policies = {part.proposal.policy.policy.parameters.shape[0] for part in mixture.shares}
    assert policies == {5}  # a system a test task


def test_the_page_says_what_is_not_known(study):
    text = page(study.tables(("zero_shot", "fine_tuning", "diversity", "proposals")))
    assert "| paper: HypLatent | 15 | -40.3 |" in text
    assert "| our experts |" in text
    known = {"ratio": 0.4, "bound": "at most", "ci95": [0.2, None]}
    side = {"median": None, "reached": 0, "rows": 3, "budget": 100}
    row = {**known, "generated": {**side, "median": 40.0, "reached": 3}, "scratch": side}
    row |= {"steps": [0, 100], "returns": [-9.0, -5.0], "against": "scratch"}
    made = page({"fine_tuning": {FAMILY: {"runs": {"tuned": row}}}})
    assert "| 40 (3 of 3 rows) | more than 100 (0 of 3 rows) | at most 0.40 [0.20, ?] |" in made


def words(study, file, *further):
    experts, runs = map(str, (study.experts[0], study.folder))
    given = ["tables", "genhyper", "--json", str(file), "--runs", runs, "--policies", experts]
    return [*given, *further]


def test_the_command_writes_tables_a_page_and_curves(study, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    file = study.kept.with_suffix(".json")
    further = ["--count", "2", "--episodes", "2", "--selecting", "1", "--workers", "1"]
    tables = ["--tables", "zero_shot", "fine_tuning", "--figures"]
    monkeypatch.delattr(measurements.Sampled, "work_out")  # the cells are there
    assert main(words(study, file, *further, *tables)) == 0
    found = json.loads(file.read_text())
    keys = {"mean", "ci95", "of", "by_training_tasks", "expert"}
    assert set(found["zero_shot"][FAMILY]) == keys
    assert found["setting"]["episodes"] == 2
    assert "## Fine-tuning" in file.with_suffix(".md").read_text()
    assert file.with_name("tables-tuning.png").stat().st_size > 5000
    assert "paper: Prompt-DT" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--tables", "zero_shots"], "Did you mean 'zero_shot'"),
        (["--episodes", "0"], "--episodes must be at least 1"),
        (["--count", "1"], "--count 2 or more"),
        (["--samples", "20"], "raise --samples"),
        (["--share", "1.5"], "share of 'policies together'"),
        (["--planners", "cme"], "Did you mean 'cem'"),
    ],
)
def test_what_cannot_be_is_said_before_work_begins(study, tmp_path, capsys, further, message):
    assert main(words(study, tmp_path / "t.json", *further)) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_experts_must_be_whole_and_runs_theirs(study, tmp_path):
    lone = add_experts(tmp_path / "other", tasks=(1,))
    with pytest.raises(InputError, match="no finished run"):
        _ = dataclasses.replace(study, experts=(lone,)).samplers
    with pytest.raises(InputError, match="Two folders"):
        _ = dataclasses.replace(study, experts=(*study.experts, lone)).sources
    shutil.rmtree(task_folder(lone, TEST[0]))
    with pytest.raises(InputError, match=rf"no experts of the test tasks \[{TEST[0]}\]"):
        read_reference(lone)


def test_a_packed_study_makes_the_same_tables_and_is_the_default(
    study, tmp_path, monkeypatch, capsys
):
    packed = tmp_path / "genhyper"
    monkeypatch.setattr(assets, "genhyper", lambda: packed)
    given = ["pack", str(study.folder), "--out", str(packed)]
    assert main([*given, "--references", str(study.experts[0])]) == 0
    reference = packed / "references" / study.experts[0].name
    assert assets.genhyper_references() == (reference,)
    copied, whole = read_reference(reference), read_reference(study.experts[0])
    assert (copied.family, copied.digest, copied.network) == (FAMILY, whole.digest, SPEC)
    assert torch.equal(copied.actors, whole.actors)
    assert not list(packed.glob("*/checkpoint"))

    few = ["--count", "2", "--episodes", "2", "--selecting", "1", "--workers", "1"]
    few += ["--tables", "zero_shot", "fine_tuning", "diversity"]
    assert main(["tables", "genhyper", "--json", str(tmp_path / "t.json"), *few]) == 0
    found = json.loads((tmp_path / "t.json").read_text())
    own = study.tables(("zero_shot", "fine_tuning", "diversity"))
    assert {name: found[name] for name in own} == json.loads(json.dumps(own))

    twice = ["--references", str(study.experts[0]), str(study.experts[0])]
    assert main([*given, *twice]) == 2
    assert "by the names of their folders" in capsys.readouterr().err
    lone = ["tables", "genhyper", "--json", str(tmp_path / "u.json"), "--runs", str(packed)]
    assert main(lone) == 2
    assert "belong together" in capsys.readouterr().err


def test_a_damaged_reference_is_refused(study, tmp_path):
    whole = read_reference(study.experts[0])
    dataclasses.replace(whole, actors=whole.actors[:3]).save(tmp_path / "short")
    with pytest.raises(CheckpointError, match=r"\(3, \d+\).*\(5, \d+\)"):
        read_reference(tmp_path / "short")
    config, tensors = {"family": FAMILY}, {"actors": whole.actors}
    write_folder(tmp_path / "bare", "expert-reference", config, tensors)
    with pytest.raises(CheckpointError, match="lacks 'network'"):
        read_reference(tmp_path / "bare")


def test_one_who_stopped_tuning_is_told_how_to_go_on(study, tmp_path):
    run = str(study.headline(FAMILY)[0].folder)
    given = ["train", "genhyper-tuning", "--family", FAMILY, "--out", str(tmp_path / "a run")]
    given += ["--generator", run, "--tasks", "1", "20", "--td-bare", "--td-weight", "0.2"]
    command = parse([*given, "--preset", "quick", "--steps", "1000", "--threads", "1"])
    again = command.when_interrupted.split("Go on with: ")[1]
    assert parse(shlex.split(again)[1:]) == command
    config = command._config()
    assert (config.tasks, config.steps, config.buffer) == ((1, 20), 1000, 1000)
    assert (config.tuning.td_weight, config.tuning.td_discounted) == (0.2, False)
    assert config.tuning.rise == 500
    assert config.model == study.headline(FAMILY)[0].model


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (["--preset", "quik"], "Did you mean 'quick'"),
        (["--tasks", "40"], "0 to 39"),
        (["--td-bare"], "--generator"),
        (["--seed", "-1"], "must not be negative"),
    ],
)
def test_tuning_that_cannot_be_is_refused(tmp_path, capsys, further, message):
    given = ["train", "genhyper-tuning", "--family", FAMILY, "--out", str(tmp_path / "run")]
    assert main([*given, *further]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_tuning_from_scratch_is_one_command(tmp_path, capsys, monkeypatch):
    from hyperdyn.training.experts.configs import SACSettings
    from hyperdyn.training.tuning import configs

    tiny = {"sac": SACSettings(hidden=(8,), batch=4), "round_steps": 10, "learning_starts": 5}
    tiny |= {"steps": 20, "buffer": 20, "evaluated": 1, "repeats": 1}
    monkeypatch.setitem(configs.PRESETS, "quick", tiny)
    given = ["train", "genhyper-tuning", "--family", FAMILY, "--out", str(tmp_path / "run")]
    assert main([*given, "--preset", "quick", "--tasks", "3", "--threads", "1"]) == 0
    assert "after 20 steps of each of 1 rows" in capsys.readouterr().out
