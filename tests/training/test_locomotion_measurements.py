"""What the locomotion study measures, once for each model, on episodes that stay."""

import shutil
from dataclasses import replace

import pytest

from hyperdyn.errors import HyperdynError, InputError, UnknownNameError
from hyperdyn.training.cells import read_cell, work_out
from hyperdyn.training.episodes import Episodes
from hyperdyn.training.locomotion import LocomotionStudy, Run, locomotion_tables, measurements
from hyperdyn.training.locomotion.measurements import Changing, Codes, Errors, Fixed
from tests.training.locomotion_study import (
    SETTINGS,
    SLOPE,
    add_run,
    shorten_episodes,
    small_study,
)


@pytest.fixture
def study(tmp_path, monkeypatch):
    shorten_episodes(monkeypatch)
    return small_study(tmp_path)


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
    *_, tables = locomotion_tables(small, ("adaptation",))
    assert (tables.found, tables.waiting) == ({"adaptation": {}}, {})
    assert tables.undriven == {f"adaptation, {SLOPE}": "It stood still."}


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
