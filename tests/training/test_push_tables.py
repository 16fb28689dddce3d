"""The pushing tables: the right numbers in the right places, and no cell worked out twice."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hyperdyn.errors import HyperdynError
from hyperdyn.pushing import save_pusher, save_visual_encoder
from hyperdyn.training.cells import read_cell, work_out, write_cell
from hyperdyn.training.pages import write
from hyperdyn.training.pushing.push_cells import Trials
from hyperdyn.training.pushing.push_page import page
from hyperdyn.training.pushing.push_tables import ABLATIONS, GROUND_TRUTH, MODELS, PushStudy
from tests.pushing.pushers import pusher, visual


@pytest.fixture
def study(tmp_path):
    """Untrained models of every name, two seeds of the generated one."""
    save_visual_encoder(visual(), tmp_path / "models" / "visual")
    for name in (*MODELS, *ABLATIONS):
        kind = name if name in MODELS else "hyperdynamics"
        save_pusher(pusher(kind), tmp_path / "models" / f"{name}-0")
    save_pusher(pusher("hyperdynamics", seed=1), tmp_path / "models" / "hyperdynamics-1")
    where = {"seen": tmp_path / "seen", "novel": tmp_path / "novel"}
    crops = {
        f"{how}{split}": tmp_path / f"{how}{split}"
        for how in ("", "true-", "whole-")
        for split in where
    }
    return PushStudy(
        folder=tmp_path / "models",
        data=where,
        crops=crops,
        kept=tmp_path / "cells",
        trials=4,
        planners=("icem",),
    )


def fill(study, cells):
    """Cells with numbers that tell where they belong."""
    for cell in cells:
        found = {}
        novel = cell.split == "novel"
        if isinstance(cell, Trials):
            wins = 1 + novel + 2 * (cell.task == "free" and "xyz" not in cell.model)
            found["trials"] = [
                {
                    "success": number < wins,
                    "collided": number >= wins,
                    "left_table": False,
                    "lost": False,
                    "pushes": 30 + number,
                    "seconds": 0.01 * (number + 1),
                }
                for number in range(4)
            ]
        else:
            base = 1.0 + novel + 10 * cell.exact + 100 * ("true" in cell.crops)
            base += 1000 * ("whole" in cell.crops) + 0.5 * cell.model.endswith("-1")
            found |= {"t1": [base, base + 0.2], "t5": [5 * base] * 2}
        write_cell(cell, study.kept, found)


def test_numbers_stand_where_they_belong(study):
    fill(study, study.cells((1, 2, 4)))
    found = study.tables((1, 2, 4))
    assert set(found["table1"]) == set(MODELS)
    row = found["table1"]["hyperdynamics"]["seen"]
    assert row["by_seed"]["t1"] == pytest.approx([1.1, 1.6])
    assert row["t1"] == pytest.approx(1.35)
    assert row["t5"] == pytest.approx(5 * 1.25)
    assert row["std"]["t1"] == pytest.approx(np.std([1.0, 1.2, 1.5, 1.7], ddof=1))
    low, high = row["ci95"]["t1"]
    assert 1.25 - 1e-9 <= low < 1.35 < high <= 1.45 + 1e-9
    assert (row["seeds"], row["episodes"]) == (2, 2)
    assert found["table1"]["xyz"]["novel"]["t1"] == pytest.approx(2.1)
    assert found["regeneration"]["exact"]["t1"] == pytest.approx(12.1)
    assert found["regeneration"]["ring"]["t1"] == pytest.approx(2.1)
    assert found["table4"][GROUND_TRUTH]["seen"]["t1"] == pytest.approx(101.35)
    assert found["table4"]["no-cropping"]["seen"]["t1"] == pytest.approx(1001.1)
    assert set(found["table4"]) == {"hyperdynamics", GROUND_TRUTH, *ABLATIONS}
    assert found["table2"]["direct"]["seen"]["free"] == 0.75
    assert found["table2"]["direct"]["novel"]["obstacles"] == 0.5
    assert found["table2"]["direct"]["seen"]["within_30_pushes"]["free"] == 0.25
    assert found["table2"]["xyz"]["seen"]["free"] == 0.25
    assert found["table2"]["xyz"]["seen"]["collided"]["free"] == 0.75
    low, high = found["table2"]["direct"]["novel"]["ci95"]["obstacles"]
    assert (low, high) == pytest.approx((0.150, 0.850), abs=1e-3)  # Wilson's, 2 of 4
    assert found["table2"]["direct"]["seen"]["plan_milliseconds"]["free"] == pytest.approx(25.0)
    assert set(found["planners"]) == {"paper", "icem"}


def test_the_page_and_the_file_hold_the_same(study, tmp_path):
    fill(study, study.cells((1, 2, 4)))
    found = {**study.tables((1, 2, 4)), "setting": {"trials": 4}}
    write(found, page(found), tmp_path / "t.json")
    assert json.loads((tmp_path / "t.json").read_text())["table1"]["xyz"]["seen"]["t1"]
    text = (tmp_path / "t.md").read_text()
    assert text == page(found)
    assert "| xyz | 1.10 [1.00, 1.20] / 5.00 [5.00, 5.00] |" in text
    assert "1.45 / 5.89" in text  # the paper's
    assert "0.75 [" in text
    assert "| 0.25 / 0.25 |" in text  # within 30 pushes
    alone = page({**study.tables((2,)), "setting": {}})
    assert "Table 1" not in alone


def test_cells_are_worked_out_once_and_again_for_another_model(study, monkeypatch):
    cells = study.cells((2,))
    fill(study, cells)
    monkeypatch.setattr(Trials, "work_out", lambda cell: pytest.fail("worked out again"))
    assert list(work_out(cells, study.kept, workers=1)) == cells
    save_pusher(pusher("direct", seed=7), study.folder / "direct-0")
    with pytest.raises(HyperdynError, match="not there"):
        read_cell(study.trial("direct", "seen", "free", "paper"), study.kept)
    assert read_cell(study.trial("xyz", "seen", "free", "paper"), study.kept)["trials"]
    with pytest.raises(HyperdynError, match="not there"):
        read_cell(replace(study, trials=5).trial("xyz", "seen", "free", "paper"), study.kept)


def test_what_plans_with_several_models_takes_the_first_seeds_and_names_them(study):
    with pytest.raises(HyperdynError, match=r"plans with 3 models hyperdynamics.* holds 2"):
        replace(study, planners=("icem-three",)).cells((2,))
    assert study.usual_planners == ("icem",)
    for seed in (2, 3):
        save_pusher(pusher("hyperdynamics", seed=seed), study.folder / f"hyperdynamics-{seed}")
    assert study.usual_planners == ("icem", "icem-three")
    cell = study.trial("hyperdynamics", "novel", "free", "icem-three")
    assert [Path(it).name for it in (cell.model, *cell.others)] == [
        f"hyperdynamics-{seed}" for seed in range(3)
    ]
    fill(study, [cell])
    assert read_cell(cell, study.kept)["trials"]
    save_pusher(pusher("hyperdynamics", seed=9), study.folder / "hyperdynamics-2")
    with pytest.raises(HyperdynError, match="not there"):
        read_cell(cell, study.kept)


def test_ablations_that_were_not_trained_are_left_out(study):
    shutil.rmtree(study.folder / "shape-32-0")
    fill(study, study.cells((4,)))
    rows = study.tables((4,))["table4"]
    assert set(rows) == {"hyperdynamics", GROUND_TRUTH, *ABLATIONS} - {"shape-32"}


def test_models_that_are_not_trained_are_named(study):
    with pytest.raises(HyperdynError, match="no model film-of-glass-0"):
        study.errors("film-of-glass", "seen")
