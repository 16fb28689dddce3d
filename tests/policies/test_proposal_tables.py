"""The table of proposals, end to end at tiny sizes: cells, numbers, the page and the figure."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("dm_control")

from hyperdyn import assets, envs
from hyperdyn.cli.main import main, parse
from hyperdyn.errors import CheckpointError, InputError, UnknownNameError
from hyperdyn.generators import build_generator, load_generator
from hyperdyn.policies import load_policy_generator
from hyperdyn.storage import to_config
from hyperdyn.training.cells import read_cell
from hyperdyn.training.collect import RandomAgent, Reset, run_episodes
from hyperdyn.training.demonstrations.collection import Source, collect
from hyperdyn.training.demonstrations.configs import DemonstrationConfig
from hyperdyn.training.demonstrations.planner_expert import PlannerSettings
from hyperdyn.training.policies import planned
from hyperdyn.training.policies.configs import policy_run
from hyperdyn.training.policies.evaluation import generate
from hyperdyn.training.policies.planned import GENERATED, SABOTAGED, TRUE, PlanSetting, spread
from hyperdyn.training.policies.proposals import ProposalStudy
from hyperdyn.training.policies.ratios import candidate_ratio
from hyperdyn.training.policies.reference import read_reference
from hyperdyn.training.policies.tables import PolicyStudy, read_runs
from hyperdyn.training.policies.training import train_policy
from hyperdyn.training.presets import PRESETS
from hyperdyn.training.seeds import seed_for
from hyperdyn.training.windows import fit_normaliser

ENV, TASK = "hyperdyn/SuiteCheetahLength-v0", "cheetah-length"
METHOD = "uvfa, hidden 8"
STEPS = 8
TINY = PlannerSettings(hold=3, horizon=2, samples=4, iterations=1, elites=2)
SHOWN = DemonstrationConfig(
    task=TASK, expert="planner", trajectories=2, steps=STEPS, ids=(0, 2, 6, 8, 11)
)
OPTIONS = [
    *("--candidates", "8", "16", "--horizon", "3", "--steps", str(STEPS)),
    *("--specifications", "2", "--episodes", "1", "--workers", "1"),
]
SETTING = PlanSetting(candidates=(8, 16), horizon=3, steps=STEPS, specifications=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Demonstrations, policy generators of splits 0 and 1, a dynamics generator."""
    out = tmp_path_factory.mktemp("proposals")
    source = collect(SHOWN, Source(planner=TINY), out / "shown", workers=1)
    for split in (0, 1):
        sizes = {"embedding_dim": 16, "hidden": (8,)}
        config = policy_run("uvfa", source, sizes=sizes, split=split, steps=3, targets=8)
        train_policy(config, out / "study" / f"uvfa-{split}", source)
    write_dynamics(out / "dynamics")
    return out


def write_dynamics(out):
    """A generator that knows how large numbers are, and no more."""
    preset = PRESETS["cheetah-length-hyperdynamics-reduced"]
    hidden = {"dynamics_hidden": (8,), "encoder_hidden": (8,)}
    sizes = replace(preset.model, history_length=4, **hidden)
    rng = torch.Generator().manual_seed(0)
    model = build_generator("hyperdynamics", sizes, generator=rng)
    fit_normaliser(model, run_episodes(ENV, RandomAgent(6, rng), [Reset(0, {})], 40), rng)
    model.save(out / "model")
    config = to_config(replace(preset, model=sizes))
    (out / "run.json").write_text(json.dumps({"config": config}))


def words(folder, file):
    made = ["tables", "policies", "--json", str(file), "--tables", "proposals"]
    made += ["--runs", str(folder / "study"), "--demonstrations", str(folder / "shown")]
    return [*made, "--dynamics", str(folder / "dynamics"), *OPTIONS]


def study(folder, kept, setting=SETTING, models=("dynamics",)):
    runs = PolicyStudy(read_runs(folder / "study"), [folder / "shown"], kept, episodes=1, seed=0)
    return ProposalStudy(runs, setting, [folder / name for name in models])


@pytest.fixture(scope="module")
def made(folder, tmp_path_factory):
    file = tmp_path_factory.mktemp("tables") / "t.json"
    assert main([*words(folder, file), "--figures"]) == 0
    return file


def test_every_number_is_that_of_its_cells(folder, made):
    rows = json.loads(made.read_text())["proposals"][TASK]
    assert list(rows) == [METHOD]
    row, found = rows[METHOD], study(folder, made.with_suffix(".cells"))
    cells = {cell.name: read_cell(cell, found.study.kept) for cell in found.cells()}
    # Alone; with a policy; sampling alone. The model was not trained for the second split.
    assert len(cells) == 2 + 2 * 2 * 3 + 2 * 3
    assert (row["over"], row["candidate_ratio"]) == (
        "generated",
        row["generated"]["candidate_ratio"],
    )
    common = found.study.runs[0].demonstrations
    for over, splits in (("true", (0, 1)), ("generated", (0,))):
        names = {"sampling": f"{TASK}-%d-{common}", "proposal": "uvfa-%d", "sabotaged": "uvfa-%d"}
        own = {
            act: [
                [np.ravel(cells[f"{who % s}.{over}.icem.{n}.{act}"]["returns"]) for s in splits]
                for n in (8, 16)
            ]
            for act, who in names.items()
        }
        for act, returns in own.items():
            means = [row[over][act][count]["mean"] for count in ("8", "16")]
            assert means == pytest.approx([np.mean(each) for each in returns])
            assert len(row[over][act]["8"]["episodes"]) == len(splits)
        alone = {str(s): np.array(own["sampling"])[:, s] for s in splits}
        helped = {str(s): np.array(own["proposal"])[0, s] for s in splits}
        ratio = candidate_ratio((8, 16), alone, helped)
        assert row[over]["candidate_ratio"] == pytest.approx(ratio.ratio)
        cost = np.mean(own["sampling"]) - np.mean(own["sabotaged"])
        assert row[over]["sabotage_cost"]["mean"] == pytest.approx(cost)
    setting = json.loads(made.read_text())["setting"]["proposals"]
    assert setting["dynamics"] == {TASK: "dynamics"}


def test_a_policy_alone_returns_what_it_does_in_the_environment(folder, made):
    cell = study(folder, made.with_suffix(".cells")).cells()[0]
    found = read_cell(cell, made.with_suffix(".cells"))
    source = read_reference(folder / "shown")
    rows = spread(source.split(0)[1], 2)
    assert found["specifications"] == source.specifications[list(rows)].tolist()
    assert found["expert"] == source.returns[list(rows)].tolist()
    assert found["diverged"] == 0
    policy = generate(load_policy_generator(folder / "study" / "uvfa-0"), source, rows)
    env = envs.make(ENV)
    for place, row in enumerate(rows):
        begun = seed_for(0, "evaluate", source.ids[row], 0)
        options = {"length": float(source.specifications[row])}
        observation, gained = env.reset(seed=begun, options=options)[0], 0.0
        for _ in range(STEPS):
            seen = torch.as_tensor(observation, dtype=torch.float32)[None]
            observation, reward, *_ = env.step(policy[place].act(seen)[0].numpy())
            gained += float(reward)
        assert found["returns"][place] == pytest.approx([gained], rel=1e-5)
    env.close()


def test_sampling_alone_has_no_policy_and_policies_change_plans(folder, made):
    table = json.loads(made.read_text())["proposals"][TASK]
    assert table[METHOD]["true"]["sampling"] != table[METHOD]["true"]["proposal"]
    assert table[METHOD]["true"]["proposal"] != table[METHOD]["true"]["sabotaged"]
    assert table[METHOD]["true"]["sampling"] != table[METHOD]["generated"]["sampling"]


def test_the_page_and_the_figure(made):
    text = made.with_suffix(".md").read_text()
    assert "### cheetah-length: uvfa, hidden 8" in text
    assert text.count("| candidates | 8 | 16 |") == 2
    assert "Planning over generated dynamics: candidate ratio" in text
    assert (made.parent / "t-proposals.png").stat().st_size > 10_000


def test_cells_are_kept(folder, made, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("a cell was worked out again")

    before = made.read_text()
    monkeypatch.setattr(planned, "run_expert", refuse)
    assert main(words(folder, made)) == 0
    after = json.loads(made.read_text())
    assert after["proposals"] == json.loads(before)["proposals"]
    with pytest.raises(AssertionError, match="again"):
        main([*words(folder, made), "--share", "0.5"])


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (("--planner", "cme"), "Unknown planner 'cme'"),
        (("--candidates", "16", "8"), "ascend"),
        (("--candidates", "8"), "two or more numbers"),
        (("--candidates", "4", "8"), "icem rolls out 8 candidates at least; got 4"),
        (("--share", "0"), "A share is above 0"),
        (("--specifications", "0"), "at least 1"),
        (("--tables", "4", "--figures"), "--figures draws 1 and proposals"),
    ],
)
def test_bad_options(folder, tmp_path, capsys, more, text):
    assert main([*words(folder, tmp_path / "t.json"), *more]) == 2
    assert text in capsys.readouterr().err


def test_packaged_policies_are_proposals_over_packaged_dynamics(tmp_path):
    command = parse(["tables", "policies", "--json", str(tmp_path / "t.json")])
    assert "proposals" in command.tables
    found = command._proposals(command._study())
    over = {(cell.task, cell.over) for cell in found.cells() if cell.act == SABOTAGED}
    assert over == {(task, how) for task in assets.policy_tasks() for how in (TRUE, GENERATED)}
    for model in assets.policy_dynamics():
        assert load_generator(model).state_space.dim > 9


def test_models_that_do_not_fit(folder, tmp_path):
    with pytest.raises(InputError, match="both of cheetah-length"):
        study(folder, tmp_path, models=("dynamics", "dynamics"))
    with pytest.raises(CheckpointError, match="no run of dynamics"):
        study(folder, tmp_path, models=("shown",))
    with pytest.raises(UnknownNameError):
        PlanSetting(planner="none")
    assert not PlanSetting(planner="icem-cold").planner_of(16).warm_start
    with pytest.raises(InputError, match="None of the split's"):
        spread((), 3)
    assert spread((1, 2), 3) == (1, 2)
    assert spread(range(10), 3) == (0, 4, 9)
    assert spread((4, 6), None) == (4, 6)
