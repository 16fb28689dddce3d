"""`hyperdyn bench control`: its table, its files, and what an interruption leaves."""

import json
from dataclasses import replace

import pytest

from hyperdyn.benchmarks import control, control_problems
from hyperdyn.benchmarks.control import IDLE, Run
from hyperdyn.benchmarks.control_report import across, control_table, summarise
from hyperdyn.cli.bench_control import BenchControl
from hyperdyn.errors import InputError, UnknownNameError


@pytest.fixture(autouse=True)
def _short_episodes(monkeypatch):
    for name, problem in control_problems.PROBLEMS.items():
        monkeypatch.setitem(control_problems.PROBLEMS, name, replace(problem, steps=3))


def made(total, *, planner="cem", problem="pendulum", seed=0):
    return Run(
        problem=problem,
        planner=planner,
        seed=seed,
        total=total,
        solved=total > 0,
        evaluations=0 if planner == IDLE else 100,
        seconds=0.002,
        states=None,
    )


@pytest.mark.usefixtures("unchecked")
def test_returns_are_summed_up_by_problem_and_planner():
    runs = [made(float(value), seed=seed) for seed, value in enumerate((-9, 1, 3, 90))]
    runs += [made(5.0, problem="cheetah"), made(0.0, planner=IDLE)]
    found = summarise(runs)
    assert set(found) == {"pendulum", "cheetah"}
    assert found["pendulum"]["cem"]["iqm"] == 2.0
    assert found["pendulum"]["cem"]["returns"] == [-9.0, 1.0, 3.0, 90.0]
    assert (found["pendulum"]["cem"]["solved"], found["pendulum"]["cem"]["episodes"]) == (3, 4)
    assert found["cheetah"]["cem"]["milliseconds_per_plan"] == 2.0
    low, high = found["pendulum"]["cem"]["ci95"]
    assert low < 2.0 < high


@pytest.mark.usefixtures("unchecked")
def test_over_all_problems_no_action_is_nought_and_the_best_is_one():
    runs = [made(-100.0, planner=IDLE), made(0.0), made(-50.0, planner="mppi")]
    runs += [made(0.0, planner=IDLE, problem="cheetah"), made(10.0, problem="cheetah")]
    runs += [made(20.0, planner="mppi", problem="cheetah"), made(7.0, problem="unfinished")]
    found = across(runs)
    assert found["cem"]["iqm"] == pytest.approx((1.0 + 0.5) / 2)
    assert found["mppi"]["iqm"] == pytest.approx((0.5 + 1.0) / 2)
    text = control_table(summarise(runs), found).markdown()
    assert "| cem | 0 [0, 0] 0/1 2.0 ms |" in text
    assert "| no action | -100 [-100, -100] 0/1 |" in text


def test_the_files_say_what_was_measured_and_how(tmp_path, capsys):
    files = {"json": tmp_path / "a" / "c.json", "markdown": tmp_path / "c.md"}
    command = BenchControl(
        planners=("cem", "random-shooting"),
        problems=("point-mass", "cheetah"),
        seeds=2,
        evaluations=20,
        **files,
    )
    command.prepare()()
    said = capsys.readouterr().out
    assert "point-mass, solved: within" in said
    written = json.loads(files["json"].read_text())
    assert written["settings"] == {"seeds": 2, "evaluations": 20, "threads": 1}
    assert list(written["problems"]) == ["point-mass", "cheetah"]
    assert "usable_cores" in written["machine"]
    for of in written["problems"].values():
        assert list(of["planners"]) == ["cem", "random-shooting", IDLE]
        for found in of["planners"].values():
            assert len(found["returns"]) == 2
        assert of["planners"]["random-shooting"]["evaluations_per_plan"] == 20
    assert set(written["normalised"]) == {"cem", "random-shooting"}
    assert "| random-shooting |" in files["markdown"].read_text()


def test_a_seed_is_the_same_start_for_every_planner_and_the_same_numbers_again():
    def measured():
        problems = [control_problems.PROBLEMS["pendulum"]]
        return list(control.measure(problems, ("cem", "mppi"), seeds=2, budget=20))

    first, again = measured(), measured()
    assert [run.total for run in first] == [run.total for run in again]
    starts = {(run.planner, run.seed): run.states[0].tolist() for run in first}
    for seed in (0, 1):
        assert starts["cem", seed] == starts["mppi", seed] == starts[IDLE, seed]
    assert starts["cem", 0] != starts["cem", 1]


def test_an_interruption_keeps_the_finished_episodes(tmp_path, monkeypatch, capsys):
    measure = control.measure

    def interrupted(*args, **kwargs):
        for number, run in enumerate(measure(*args, **kwargs)):
            if number == 3:
                raise KeyboardInterrupt
            yield run

    monkeypatch.setattr(control, "measure", interrupted)
    file = tmp_path / "c.json"
    command = BenchControl(problems=("pendulum",), seeds=2, evaluations=20, json=file)
    with pytest.raises(KeyboardInterrupt):
        command.prepare()()
    found = json.loads(file.read_text())["problems"]["pendulum"]["planners"]
    assert {name: len(of["returns"]) for name, of in found.items()} == {
        "random-shooting": 2,
        "cem": 1,
    }
    assert "in the files asked for" in command.when_interrupted
    assert "cem" in capsys.readouterr().out


def test_the_picture_is_drawn_if_it_can_be(tmp_path):
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("imageio.v3")
    file = tmp_path / "c.png"
    BenchControl(
        planners=("cem",),
        problems=("point-mass", "pendulum"),
        seeds=1,
        evaluations=20,
        picture=file,
    ).prepare()()
    picture = image.imread(file)
    assert picture.shape[1] > 2 * picture.shape[0] > 0
    assert picture.std() > 0


def test_names_and_numbers_that_cannot_be_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'icem'"):
        BenchControl(planners=("iceM",)).prepare()
    with pytest.raises(UnknownNameError, match="Did you mean 'pendulum'"):
        BenchControl(problems=("pendulun",)).prepare()
    for wrong, named in (({"seeds": 0}, "--seeds"), ({"threads": 0}, "--threads")):
        with pytest.raises(InputError, match=named):
            BenchControl(**wrong).prepare()
    with pytest.raises(InputError, match="samples"):
        BenchControl(evaluations=4).prepare()
    with pytest.raises(InputError, match="is a folder"):
        BenchControl(json=tmp_path).prepare()
