"""The locomotion study: runs resume, cells are made once, and numbers stand where they belong."""

import itertools
import json
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from hyperdyn import assets
from hyperdyn.errors import CheckpointError, HyperdynError, InputError, UnknownNameError
from hyperdyn.planners.budget import COLD, PLANNERS, candidates, planner_of
from hyperdyn.training.cells import read_cell, work_out, write_cell
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.locomotion import (
    LocomotionStudy,
    Run,
    finished_runs,
    measurements,
    train_runs,
)
from hyperdyn.training.locomotion.adaptation import BEFORE
from hyperdyn.training.locomotion.adaptation_lag import lag
from hyperdyn.training.locomotion.codes import rank_correlation, read_across
from hyperdyn.training.locomotion.figures import grouped, most_varied, training_curve
from hyperdyn.training.locomotion.layout import TABLES, columns
from hyperdyn.training.locomotion.measurements import (
    Adapting,
    Changing,
    Codes,
    Errors,
    Fixed,
    Returns,
)
from hyperdyn.training.locomotion.page import page
from hyperdyn.training.locomotion.paper import PAPER_CODES, PAPER_ERRORS, PAPER_RETURNS
from hyperdyn.training.locomotion.summaries import lead_row, ratio_row, returns_row
from hyperdyn.training.on_policy import train
from hyperdyn.training.presets import KINDS, PAPER_TASKS, PRESETS, ROADS, VARIANTS
from hyperdyn.training.run_folder import FINISHED, open_run
from hyperdyn.training.statistics import interquartile_mean
from tests.training.locomotion_study import SETTINGS, add_run, shorten_episodes, study_of
from tests.training.runs import tiny_of

SLOPE = "cheetah-slope"
FEW = ("3", "5", "6", "planners", "codes")
SETTING = {"missing": {}, "undriven": {}, "command": "hyperdyn tables locomotion"}


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    shorten_episodes(monkeypatch)


@pytest.fixture
def study(tmp_path):
    """Three models of one task, two seeds; an ablation; a robot beyond the paper."""
    folder = study_of(tmp_path / "runs", [SLOPE], ["hyperdynamics", "direct"], [0, 1])
    study_of(folder, [SLOPE], ["code-4", "expert_ensemble"], [0])
    study_of(folder, ["cheetah-body"], ["direct"], [0])
    return LocomotionStudy(folder=folder, kept=tmp_path / "t.cells", **SETTINGS)


def fill(study, cells):
    """Cells with numbers that tell where they belong."""
    for cell in cells:
        base = 100.0 * (cell.run.model == "hyperdynamics") + 10 * cell.run.seed
        base += {"seen": 1, "novel-low": 2, "novel-high": 4}.get(cell.split, 7)
        if isinstance(cell, Returns):
            base *= 1 + (*PLANNERS, *COLD).index(cell.planner)
            returns = [base, base + 1, base + 2, base + 3]
            found = {"returns": returns, "properties": [[base], [base], [base], [base]]}
        elif isinstance(cell, Errors):
            found = {name: [base, base + 1] for name in ("mse", "one_step", "open_loop")}
        elif isinstance(cell, Codes):
            way = {"readings": [[1.0, 2.0]], "rank": base / 200, "ci95": [0.0, 1.0]}
            found = {"truth": [[1.0, 2.0]], "places": [[0.0, 1.0]], "code": way, "smoothed": way}
        elif isinstance(cell, Adapting):
            steps = torch.full((3, 350), 1.0)
            steps[:, 150:160] = 5.0
            found = {"errors": (steps * (1 + cell.run.seed)).tolist()}
        else:
            for product in cell.products:
                measurements._no_episodes(cell.task).save(product)
            found = {"returns": []}
        write_cell(cell, study.kept, found)


def filled(study, tables):
    for stage in study.cells(tables):
        fill(study, stage)
    return study.tables(tables)


def test_returns_stand_where_they_belong(study):
    row = filled(study, ("3",))["table3"][SLOPE]["hyperdynamics"]
    low = [102, 103, 104, 105, 112, 113, 114, 115]
    high = [104, 105, 106, 107, 114, 115, 116, 117]
    assert row["seen"]["returns"] == [101, 102, 103, 104, 111, 112, 113, 114]
    assert sorted(row["novel"]["returns"]) == sorted(low + high)
    assert (row["novel-low"]["returns"], row["novel-high"]["returns"]) == (low, high)
    novel = row["novel"]
    assert novel["iqm"] == pytest.approx(float(interquartile_mean(np.array(low + high, float))))
    assert novel["mean"] == pytest.approx(np.mean(low + high))
    assert novel["std"] == pytest.approx(np.std(low + high, ddof=1))
    assert novel["by_seed"] == pytest.approx(
        [float(interquartile_mean(np.array(part, float))) for part in (low[:4] + high[:4],) * 1]
        + [float(interquartile_mean(np.array(low[4:] + high[4:], float)))]
    )
    assert (novel["seeds"], novel["episodes"]) == ([0, 1], 16)
    assert novel["ci95"][0] < novel["iqm"] < novel["ci95"][1]


def test_how_far_the_generator_is_ahead_is_told_on_shared_systems(study):
    found = filled(study, ("3",))["table3"][SLOPE]
    assert "lead" not in found["hyperdynamics"]["seen"]
    for model, seeds in (("direct", [0, 1]), ("expert_ensemble", [0])):
        lead = found[model]["seen"]["lead"]
        assert lead["difference"] == pytest.approx(100.0)
        # Whatever episodes are drawn, they are the same for both.
        assert lead["ci95"] == pytest.approx((100.0, 100.0))
        assert lead["seeds"] == seeds


def test_a_lead_is_as_sure_as_the_single_differences():
    rng = np.random.default_rng(0)
    systems = rng.normal(0, 100, 40)  # what a system allows hides the lead of 10 from either alone
    ours = {(0, "seen"): (systems + 10 + rng.normal(size=40)).tolist()}
    theirs = {(0, "seen"): (systems + rng.normal(size=40)).tolist(), (1, "seen"): [900.0]}
    lead = lead_row(ours, theirs)
    assert lead["difference"] == pytest.approx(10, abs=2)
    assert 5 < lead["ci95"][0] < lead["ci95"][1] < 15
    alone = returns_row(ours)["ci95"]
    assert alone[1] - alone[0] > 40
    assert lead_row(ours, {(2, "seen"): [1.0]}) is None


def test_the_interval_resamples_each_seed_and_side_within_itself():
    strata = {(0, "a"): [0.0] * 4, (1, "a"): [1.0] * 4}
    assert returns_row(strata)["ci95"] == (0.5, 0.5)


def test_what_was_trained_is_what_appears_and_the_rest_is_named(study):
    found = filled(study, ("3", "5", "ranges"))
    assert set(found["table3"]) == {SLOPE}
    assert set(found["table3"][SLOPE]) == {"hyperdynamics", "direct", "expert_ensemble"}
    assert set(found["table5"][SLOPE]) == {"hyperdynamics", "code-4"}
    assert set(found["ranges"]) == {"cheetah-body"}
    assert found["table5"][SLOPE]["code-4"]["seen"]["seeds"] == [0]
    missing = study.missing(("3", "5"))
    assert missing[SLOPE]["film"] == [0, 1]
    assert missing[SLOPE]["code-4"] == [1]
    assert "direct" not in missing[SLOPE]
    assert missing["ant-pier"] == {}
    text = page({**found, "setting": {**SETTING, "missing": missing}})
    assert "film (0, 1)" in text
    assert "code-4 (1)" in text
    assert "cheetah-pier, ant-slope, ant-pier: nothing of it" in text


def test_training_seeds_can_be_named(study):
    found = filled(replace(study, seeds=(1,)), ("3", "5"))
    assert found["table3"][SLOPE]["hyperdynamics"]["seen"]["seeds"] == [1]
    assert set(found["table3"][SLOPE]) == {"hyperdynamics", "direct"}
    with pytest.raises(HyperdynError, match="of cheetah-slope with seed 3 or 4; train"):
        _ = replace(study, tasks=(SLOPE,), seeds=(3, 4)).finished


def test_every_paper_table_and_new_range_has_its_place():
    assert TABLES["3"].tasks == TABLES["5"].tasks == TABLES["6"].tasks == PAPER_TASKS
    assert TABLES["3"].models == KINDS
    assert set(TABLES["5"].models) == {"hyperdynamics", *VARIANTS}
    assert TABLES["ranges"].models == TABLES["6"].models == TABLES["adaptation"].models == KINDS
    assert TABLES["ranges"].measured == (*KINDS, *VARIANTS)
    assert len(TABLES["ranges"].tasks) == 6
    assert PRESETS["ant-pier-code-8-reduced"].model.code_dim == 8
    assert columns(SLOPE)["novel"] == ("novel-low", "novel-high")
    assert columns("cheetah-body")["extreme"] == ("extreme-low", "extreme-high")
    assert columns("ant-body") == {s: (s,) for s in ("seen", "moderate", "extreme")}


def test_errors_and_codes_stand_where_they_belong(study):
    found = filled(study, ("6", "codes"))
    trained = ["hyperdynamics", "direct", "expert_ensemble", "code-4"]
    assert list(found["table6"][SLOPE]) == trained
    assert not set(VARIANTS) & set(study.missing(("6",))[SLOPE])
    row = found["table6"][SLOPE]["hyperdynamics"]["novel-low"]
    assert row["mse"]["mean"] == pytest.approx(100 * 107.5)  # of 102, 103, 112 and 113
    assert row["open_loop"]["by_seed"] == pytest.approx([10250, 11250])
    codes = found["codes"][SLOPE]
    assert codes["hyperdynamics-1"]["novel-high"]["code"]["rank"] == 114 / 200
    assert codes["direct-1"]["seen"]["smoothed"]["rank"] == 11 / 200
    # The experts have no code.
    models = ("hyperdynamics-0", "hyperdynamics-1", "direct-0", "direct-1", "code-4-0")
    assert set(codes) == set(models)


def test_planners_are_compared_with_random_shooting(study):
    found = filled(study, ("planners",))["planners"][SLOPE]
    assert set(found) == {*PLANNERS, *COLD}
    assert "ratio" not in found["random-shooting"]["seen"]
    assert found["cem"]["seen"]["ratio"]["ratio"] == pytest.approx(
        found["cem"]["seen"]["iqm"] / found["random-shooting"]["seen"]["iqm"]
    )
    low, high = found["cem"]["seen"]["ratio"]["ci95"]
    assert low <= found["cem"]["seen"]["ratio"]["ratio"] <= high


def test_the_planners_and_the_model_they_plan_with_can_be_named(study):
    chosen = replace(study, planned="direct", planners=("cem-cold",))
    found = filled(chosen, ("planners",))["planners"][SLOPE]
    assert list(found) == ["random-shooting", "cem-cold"]
    assert found["random-shooting"]["seen"]["returns"] == [1.0, 2, 3, 4, 11, 12, 13, 14]
    assert chosen.missing(("planners",)) == {
        "cheetah-pier": {},
        "ant-slope": {},
        "ant-pier": {},
    }
    assert replace(study, planned="gru").trained("planners") == []


def test_a_ratio_draws_the_same_episodes_for_both():
    under = {(0, "seen"): [1.0, 10.0, 100.0, 1000.0]}
    over = {(0, "seen"): [2.0, 20.0, 200.0, 2000.0]}
    assert ratio_row(over, under) == {"ratio": pytest.approx(2.0), "ci95": (2.0, 2.0)}
    none = {(0, "seen"): [-1.0, -2.0, -3.0, -4.0]}
    assert ratio_row(over, none) == {"ratio": None, "ci95": None}
    may = {(0, "seen"): [-30.0, 10.0, 20.0, 30.0]}
    assert ratio_row(over, may)["ci95"][1] is None


@pytest.mark.parametrize("name", [*PLANNERS, *COLD])
def test_planners_have_equal_candidates(name):
    assert 480 <= candidates(planner_of(name, 500, 20)) <= 500
    assert planner_of(name, 500, 7).horizon == 7
    assert planner_of(name, 500, 20).warm_start == (name not in COLD)


def test_too_few_candidates_and_unknown_planners_are_refused():
    with pytest.raises(UnknownNameError, match="planner"):
        planner_of("cme", 500, 20)
    with pytest.raises(InputError):
        planner_of("cem", 5, 20)


def test_how_a_change_is_measured(study):
    row = filled(study, ("adaptation",))["adaptation"][SLOPE]["direct"]
    summary = lag(study.adaptation_errors(SLOPE, "direct"), BEFORE)
    assert row == {**asdict(summary), "seeds": 2}
    assert (row["lag"], row["episodes"]) == (10, 6)
    text = page({"adaptation": {SLOPE: {"direct": row}}, "setting": SETTING})
    assert f"| direct | {row['before']:.3f} | {row['peak']:.3f} | {row['after']:.3f} | 1.00" in text
    assert "| 10 [10, 10] | 6 |" in text


def test_the_page_has_the_papers_numbers_beside_ours(study):
    found = filled(study, FEW)
    text = page({**found, "setting": {**SETTING, "seed": 5}})
    assert "107.9 ± 63.1 | 124.5 ± 64.7 |" in text
    assert "103.5 ± 59.0 | 127.6 ± 62.9 |" in text
    assert "3.4 ± 0.6 | 26.1 ± 6.4 |" in text
    assert '"seed": 5' in text
    assert "Made by `hyperdyn tables locomotion`" in text
    assert "hyperdynamics, direct: training seeds 0, 1, 8 or 16 episodes a cell." in text
    assert PAPER_RETURNS["ant-pier"]["maml"] == ("180.2 ± 91.2", "171.0 ± 87.1")
    assert PAPER_CODES["ant-slope"]["code-8"] == ("134.5 ± 63.8", "134.9 ± 75.8")
    assert PAPER_ERRORS["cheetah-pier"]["recurrent"] == ("5.2 ± 1.2", "12.1 ± 4.5")
    assert "Table 3" not in page({"table6": found["table6"], "setting": SETTING})


def test_cells_are_measured_and_stay_until_a_model_changes(study):
    (cell,) = [
        c
        for c in study.cells(("3",))[0]
        if (c.run.name, c.split) == ("cheetah-slope-direct-1", "novel-low")
    ]
    assert cell.seed == study.seed + 1
    assert list(work_out([cell], study.kept, workers=1)) == [cell]
    found = read_cell(cell, study.kept)
    assert len(found["returns"]) == 2
    assert all(0.0 <= height <= 0.25 for (height,) in found["properties"])
    file = study.kept / f"{cell.name}.json"
    stamp = file.stat().st_mtime_ns
    assert list(work_out([cell], study.kept, workers=1)) == [cell]
    assert file.stat().st_mtime_ns == stamp
    moved = study.folder.rename(study.folder.with_name("moved"))
    assert read_cell(replace(cell, study=str(moved)), study.kept) == found
    with pytest.raises(HyperdynError, match="not there"):
        read_cell(replace(cell, study=str(moved), samples=21), study.kept)
    add_run(moved, cell.run, weights=7)
    with pytest.raises(HyperdynError, match="not there"):
        read_cell(replace(cell, study=str(moved)), study.kept)


def test_a_cell_that_fails_leaves_the_others(study, monkeypatch):
    one, other = study.cells(("3",))[0][:2]
    broken = replace(other, planner="none")
    with pytest.raises(UnknownNameError):
        list(work_out([one, broken], study.kept, workers=1))
    assert read_cell(one, study.kept)
    assert not list(study.kept.glob("*.none.json"))


def test_errors_are_measured_on_the_episodes_that_the_first_generator_drove(study):
    first, second = study.cells(("6", "codes"))
    assert {type(cell) for cell in first} == {Fixed}
    assert {cell.run.name for cell in first} == {"cheetah-slope-hyperdynamics-0"}
    list(work_out(first, study.kept, workers=1))
    chosen = [
        cell
        for cell in second
        if cell.split == "novel-high" and cell.run.name == "cheetah-slope-hyperdynamics-0"
    ]
    assert {type(cell) for cell in chosen} == {Errors, Codes}
    list(work_out(chosen, study.kept, workers=1))
    errors, codes = (
        read_cell(next(cell for cell in chosen if isinstance(cell, kind)), study.kept)
        for kind in (Errors, Codes)
    )
    recorded = Episodes.load(study.kept / "data" / "cheetah-slope-hyperdynamics-0-novel-high-fixed")
    assert len(recorded) == len(errors["mse"]) == len(codes["truth"]) == 2
    # With each column in its own unit the error is another.
    assert errors["mse"] != errors["one_step"]
    heights = recorded.contexts[0]["heights"]
    assert all(min(abs(true - h) for h in heights) < 1e-4 for true in codes["truth"][0])
    shutil.rmtree(study.kept / "data" / "cheetah-slope-hyperdynamics-0-novel-high-fixed")
    redone = [c for c in first if c.split == "novel-high"]
    with pytest.raises(HyperdynError, match="not there"):
        read_cell(redone[0], study.kept)


def test_another_driver_leaves_the_first_ones_episodes_alone(study):
    drives = [replace(study, seeds=(seed,)).cells(("6",))[0] for seed in (0, 1)]
    products = [{product for cell in cells for product in cell.products} for cells in drives]
    assert len(products[0]) == len(products[1]) == 3
    assert not products[0] & products[1]


def test_a_driver_that_brings_no_episode_is_said(study, monkeypatch):
    def none(task, driver, **settings):
        raise InputError("It stood still.")

    monkeypatch.setattr(measurements, "adaptation_episodes", none)
    small = replace(study, tasks=(SLOPE,))
    for stage in small.cells(("adaptation",)):
        list(work_out(stage, small.kept, workers=1))
    assert small.tables(("adaptation",)) == {"adaptation": {}}
    assert small.undriven(("adaptation",)) == {f"adaptation, {SLOPE}": "It stood still."}


def test_a_change_is_driven_and_scored(study, monkeypatch):
    def early(task, driver, **settings):
        return adaptation_episodes(task, driver, change_step=20, before=4, after=10, **settings)

    adaptation_episodes = measurements.adaptation_episodes
    adaptation_errors = measurements.adaptation_errors
    monkeypatch.setattr(measurements, "adaptation_episodes", early)
    monkeypatch.setattr(
        measurements,
        "adaptation_errors",
        lambda *given: adaptation_errors(*given, before=4, after=10),
    )
    add_run(study.folder, Run(task="cheetah-body", model="hyperdynamics", seed=0))
    only = LocomotionStudy(
        folder=study.folder, kept=study.kept, tasks=("cheetah-body",), **SETTINGS
    )
    first, second = only.cells(("adaptation",))
    assert [type(cell) for cell in first] == [Changing]
    list(work_out(first, only.kept, workers=1))
    list(work_out(second, only.kept, workers=1))
    errors = only.adaptation_errors("cheetah-body", "direct")
    assert [tuple(found.shape) for found in errors] == [(2, 14)]


def test_codes_are_read_by_a_fit_to_other_episodes():
    rng = np.random.default_rng(0)
    truth = [rng.uniform(size=40) for _ in range(6)]
    codes = [np.stack([3 - 2 * values, rng.normal(size=40)], axis=1) for values in truth]
    readings = read_across(codes, truth)
    assert all(np.allclose(read, true) for read, true in zip(readings, truth, strict=True))
    # One episode that says the opposite is read by the others' fit, so it is read wrongly.
    codes[2][:, 0] *= -1
    assert np.corrcoef(read_across(codes, truth)[2], truth[2])[0, 1] < -0.9
    found = rank_correlation([r.tolist() for r in readings], [t.tolist() for t in truth])
    assert found["rank"] == pytest.approx(1.0)
    assert found["ci95"] == pytest.approx((1.0, 1.0))


def test_the_rank_correlation_is_spearmans():
    from scipy import stats

    rng = np.random.default_rng(1)
    read, true = rng.normal(size=(6, 20)), rng.integers(0, 4, (6, 20)).astype(float)
    found = rank_correlation(read.tolist(), true.tolist())
    halves = [stats.spearmanr(read[half::2].ravel(), true[half::2].ravel()) for half in (0, 1)]
    assert found["rank"] == pytest.approx(np.mean([half.statistic for half in halves]))
    assert found["ci95"][0] < found["rank"] < found["ci95"][1]
    assert rank_correlation([[1.0, 2.0]], [[3.0, 3.0]])["rank"] == 0.0


def test_a_code_that_says_nothing_ranks_nothing():
    from scipy import stats

    rng = np.random.default_rng(2)
    truth = [np.full(40, level) for level in (0.0, 1.0, 0.2, 0.8, 0.1, 0.9, 0.0, 0.7)]
    codes = [rng.normal(size=(40, 2)) for _ in truth]
    readings = read_across(codes, truth)
    # All ranked together, the mean of a fit to the other half would speak against the truth.
    together = stats.spearmanr(np.concatenate(readings), np.concatenate(truth)).statistic
    found = rank_correlation([r.tolist() for r in readings], [t.tolist() for t in truth])
    assert together < -0.5
    assert abs(found["rank"]) < 0.2


def test_what_the_figures_show(study):
    x, y = grouped(np.arange(34.0), np.r_[np.zeros(17), np.ones(17)])
    assert x.tolist() == [8.0, 25.0]
    assert y.tolist() == [0.0, 1.0]
    assert most_varied([[1.0, 1.0], [1.0, 2.0], [3.0, 4.0]]) == 1
    assert training_curve(study.folder / "cheetah-slope-direct-1").tolist() == [1.0, 11.0, 21.0]


def test_figures_are_drawn_for_what_was_measured(study, tmp_path):
    pytest.importorskip("matplotlib")
    from hyperdyn.training.locomotion.figures import draw_codes, draw_properties, draw_training

    filled(study, ("3", "ranges", "codes"))
    assert draw_training(study, ("3", "ranges"), tmp_path / "a.png")
    assert draw_properties(study, ("3", "ranges"), tmp_path / "b.png")
    assert draw_codes(study, ("codes",), tmp_path / "c.png")
    assert not draw_codes(study, (), tmp_path / "d.png")
    assert {file.name for file in tmp_path.glob("*.png")} == {"a.png", "b.png", "c.png"}


def test_a_copy_of_the_packaged_runs_can_be_gone_on_with():
    folder = assets.locomotion()
    runs = finished_runs(folder)
    of_the_paper = {(run.task, run.model, run.seed) for run in runs}
    assert of_the_paper >= set(itertools.product(PAPER_TASKS, KINDS, range(3)))
    for run in runs:
        open_run(run.config("reduced"), folder / run.name, resume=True)


def test_folders_that_are_no_finished_runs_are_left_alone(study):
    (study.folder / "cheetah-slope-direct-1" / FINISHED).unlink()
    (study.folder / "cheetah-slope-direct-2x").mkdir()
    (study.folder / "notes").mkdir()
    assert [run.name for run in finished_runs(study.folder)] == [
        "cheetah-slope-hyperdynamics-0",
        "cheetah-slope-hyperdynamics-1",
        "cheetah-slope-direct-0",
        "cheetah-slope-expert_ensemble-0",
        "cheetah-slope-code-4-0",
        "cheetah-body-direct-0",
    ]
    with pytest.raises(HyperdynError, match="no finished run of ant-flip"):
        _ = replace(study, tasks=("ant-flip",)).finished


def test_a_run_is_its_preset_with_its_seed():
    run = Run(task="ant-pier", model="expert_ensemble", seed=3)
    assert run.config("paper") == replace(PRESETS["ant-pier-expert-ensemble-paper"], seed=3)
    with pytest.raises(InputError, match="no preset ant-flip-masked-paper"):
        Run(task="ant-flip", model="masked", seed=0).config("paper")
    with pytest.raises(UnknownNameError, match="'reduced'"):
        run.config("reduce")
    assert set(ROADS) >= set(PAPER_TASKS)


def test_runs_are_trained_gone_on_with_and_not_stopped_by_one_that_fails(tmp_path, monkeypatch):
    sizes = {"iterations": 1, "rollouts": 2, "steps": 40, "epochs": 1, "final_updates": 0}
    small = tiny_of("direct", **sizes)
    monkeypatch.setitem(PRESETS, "cheetah-slope-direct-reduced", small)
    begun, bad, new = (Run(task=SLOPE, model="direct", seed=seed) for seed in (0, 1, 2))
    train(begun.config("reduced"), tmp_path / begun.name)
    (tmp_path / begun.name / FINISHED).unlink()  # stopped before it was marked
    model = tmp_path / begun.name / "model" / "config.json"
    stamp = model.stat().st_mtime_ns
    (tmp_path / bad.name).mkdir()
    (tmp_path / bad.name / "something").touch()
    told: list[int] = []
    with pytest.raises(HyperdynError, match=r"1 of 3 runs failed.*cheetah-slope-direct-1: .*empty"):
        train_runs([begun, bad, new], tmp_path, "reduced", workers=1, on_rounds=told.append)
    assert sum(told) == 2
    assert finished_runs(tmp_path) == [begun, new]
    assert model.stat().st_mtime_ns == stamp
    record = json.loads((tmp_path / new.name / "run.json").read_text())
    assert record["config"]["seed"] == 2
    assert "round 1/1" in (tmp_path / "logs" / f"{new.name}.txt").read_text()
    told.clear()
    train_runs([begun, new], tmp_path, "reduced", workers=1, on_rounds=told.append)
    assert told == [1, 1]
    monkeypatch.setitem(PRESETS, "cheetah-slope-direct-reduced", replace(small, rollouts=4))
    with pytest.raises(CheckpointError, match="rollouts"):
        train_runs([begun], tmp_path, "reduced", workers=1)
