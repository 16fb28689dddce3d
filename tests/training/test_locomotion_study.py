"""The locomotion study: runs resume, cells are made once, and numbers stand where they belong."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from hyperdyn.errors import HyperdynError
from hyperdyn.planners.budget import COLD, PLANNERS
from hyperdyn.training.cells import write_cell
from hyperdyn.training.locomotion import locomotion_tables, measurements
from hyperdyn.training.locomotion.adaptation import BEFORE
from hyperdyn.training.locomotion.adaptation_lag import lag
from hyperdyn.training.locomotion.colours import colours
from hyperdyn.training.locomotion.figures import grouped, most_varied, training_curve
from hyperdyn.training.locomotion.layout import TABLES, columns
from hyperdyn.training.locomotion.measurements import Adapting, Codes, Errors, Promised, Returns
from hyperdyn.training.locomotion.page import page
from hyperdyn.training.locomotion.paper import PAPER_CODES, PAPER_ERRORS, PAPER_RETURNS
from hyperdyn.training.locomotion.runs import MODELS
from hyperdyn.training.presets import KINDS, PAPER_TASKS, PRESETS, VARIANTS
from hyperdyn.training.statistics import interquartile_mean
from tests.training.locomotion_study import SLOPE, small_study

FEW = ("3", "5", "6", "planners", "codes")
SETTING = {
    "driver": "hyperdynamics",
    "missing": {},
    "undriven": {},
    "waiting": {},
    "command": "hyperdyn tables locomotion",
}


@pytest.fixture
def study(tmp_path):
    return small_study(tmp_path)


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
        elif isinstance(cell, Promised):
            found = {name: [base, base + 1] for name in ("promised", "attained", "best", "rank")}
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
    *_, last = locomotion_tables(study, tables)
    assert not last.waiting
    return last.found


def test_tables_stand_task_by_task_while_they_are_made(study, monkeypatch):
    asked = ("ranges", "6", "3")
    for stage in study.cells(asked):
        fill(study, stage)
    (study.kept / "cheetah-slope-direct-1.seen.errors.json").unlink()

    def fail(cell):
        raise HyperdynError("It failed.")

    monkeypatch.setattr(Errors, "work_out", fail)
    tables = locomotion_tables(study, asked)
    only = next(tables)
    with pytest.raises(HyperdynError, match="It failed"):
        next(tables)
    assert list(only.found["ranges"]) == ["cheetah-body"]
    assert (only.found["table6"], only.found["table3"]) == ({}, {})
    assert only.waiting == {"table6": [SLOPE], "table3": [SLOPE]}
    text = page({**only.found, "setting": {**SETTING, "waiting": only.waiting}})
    assert "(table6: cheetah-slope; table3: cheetah-slope)" in text


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
    codes["direct-1"]["seen"]["smoothed"] |= {"rank": None, "ci95": None}
    text = page({"codes": {SLOPE: codes}, "setting": SETTING})
    assert "| direct-1 | 0.06 [0.00, 1.00]<br>– |" in text
    # The experts have no code.
    models = ("hyperdynamics-0", "hyperdynamics-1", "direct-0", "direct-1", "code-4-0")
    assert set(codes) == set(models)


def test_promises_stand_where_they_belong(study):
    found = filled(study, ("promises",))["promises"][SLOPE]
    assert list(found) == ["hyperdynamics", "direct", "expert_ensemble", "code-4"]
    row = found["direct"]["novel"]
    assert row["attained"]["mean"] == pytest.approx(8.5)  # of 2, 3, 12, 13 and 4, 5, 14, 15
    assert row["lead"]["difference"] == pytest.approx(100.0)
    assert row["lead"]["ci95"] == pytest.approx((100.0, 100.0))
    assert "lead" not in found["hyperdynamics"]["seen"]
    text = page({"promises": {SLOPE: found}, "setting": SETTING})
    assert "along episodes that the first hyperdynamics drove" in text
    assert "direct: training seeds 0, 1; 4 or 8 episodes a cell" in text
    assert "<br>+100.00 [+100.00, +100.00] |" in text


def test_another_model_can_drive(study):
    other = replace(study, driver="direct")
    drives, measured = other.cells(("6", "promises"))
    assert {cell.run.name for cell in drives} == {"cheetah-slope-direct-0"}
    assert {cell.driver.name for cell in measured} == {"cheetah-slope-direct-0"}
    assert {cell.run.model for cell in measured} >= {"hyperdynamics", "direct"}
    assert "promises" in (found := filled(other, ("promises",)))
    assert found["promises"][SLOPE]["direct"]["seen"]["lead"]["difference"] == pytest.approx(100.0)
    assert replace(study, driver="gru").cells(("6", "promises", "codes")) == ([], [])


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
    assert "hyperdynamics, direct: training seeds 0, 1; 8 or 16 episodes a cell." in text
    assert PAPER_RETURNS["ant-pier"]["maml"] == ("180.2 ± 91.2", "171.0 ± 87.1")
    assert PAPER_CODES["ant-slope"]["code-8"] == ("134.5 ± 63.8", "134.9 ± 75.8")
    assert PAPER_ERRORS["cheetah-pier"]["recurrent"] == ("5.2 ± 1.2", "12.1 ± 4.5")
    assert "Table 3" not in page({"table6": found["table6"], "setting": SETTING})


def test_what_the_figures_show(study):
    x, y = grouped(np.arange(34.0), np.r_[np.zeros(17), np.ones(17)])
    assert x.tolist() == [8.0, 25.0]
    assert y.tolist() == [0.0, 1.0]
    assert most_varied([[1.0, 1.0], [1.0, 2.0], [3.0, 4.0]]) == 1
    assert training_curve(study.folder / "cheetah-slope-direct-1").tolist() == [1.0, 11.0, 21.0]


def test_every_model_has_a_colour_of_its_own():
    matplotlib = pytest.importorskip("matplotlib")
    found = colours(MODELS)
    assert set(found) == set(MODELS)
    assert len({matplotlib.colors.to_rgb(name) for name in found.values()}) == len(MODELS)
    assert colours(["gru"])["film"] == colours()["film"]


def test_figures_are_drawn_for_what_was_measured(study, tmp_path):
    pytest.importorskip("matplotlib")
    from hyperdyn.training.locomotion.figures import draw_codes, draw_properties, draw_training

    filled(study, ("3", "ranges", "codes"))
    assert draw_training(study, ("3", "ranges"), tmp_path / "a.png")
    assert draw_properties(study, ("3", "ranges"), tmp_path / "b.png")
    assert draw_codes(study, ("codes",), tmp_path / "c.png")
    assert not draw_codes(study, (), tmp_path / "d.png")
    assert {file.name for file in tmp_path.glob("*.png")} == {"a.png", "b.png", "c.png"}
