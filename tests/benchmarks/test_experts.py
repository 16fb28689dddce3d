"""`hyperdyn bench experts`: what it times, and what it says of it."""

import dataclasses

import pytest

from hyperdyn.benchmarks.experts import ALONE, BATCH, ExpertRun, learn_ours, summarise
from hyperdyn.cli.bench_experts import BenchExperts
from hyperdyn.errors import InputError, UnknownNameError
from hyperdyn.training.experts.configs import ExpertsConfig, SACSettings

CONFIG = ExpertsConfig(
    family="cheetah-vel",
    tasks=(3, 20),
    sac=SACSettings(hidden=(8,), batch=4),
    steps=20,
    round_steps=10,
    learning_starts=10,
    buffer=20,
    kept_from=20,
    evaluated=1,
)


def test_the_steps_with_learning_are_timed():
    told = []
    run = learn_ours(CONFIG, BATCH, told.append)
    assert (run.who, run.tasks, run.steps, sum(told)) == (BATCH, (3, 20), 10, 40)
    assert 0 < run.processor_seconds
    assert run.rate == pytest.approx(20 / run.seconds)
    assert [len(own) for own in run.returns] == [1, 1]
    alone = learn_ours(dataclasses.replace(CONFIG, tasks=(20,)), ALONE, told.append)
    assert alone.returns[0] == pytest.approx(run.returns[1], rel=1e-2)


def test_a_summary_has_medians_and_every_return():
    def run(who, tasks, seconds):
        returns = [[float(-task)] for task in tasks]
        return ExpertRun(
            who=who,
            tasks=tasks,
            seconds=seconds,
            processor_seconds=seconds / 2,
            steps=100,
            returns=returns,
        )

    found = summarise([run(ALONE, (1,), 1.0), run(ALONE, (2,), 4.0), run(BATCH, (1, 2), 2.0)])
    assert found[ALONE]["task_steps_per_second"] == pytest.approx((100 + 25) / 2)
    assert found[BATCH]["task_steps_per_second"] == pytest.approx(100)
    assert found[BATCH]["task_steps_per_processor_second"] == pytest.approx(200)
    assert found[ALONE]["returns"] == {1: [-1.0], 2: [-2.0]}


@pytest.mark.parametrize(
    "options", [{"steps": 1000}, {"steps": 2500}, {"tasks": 0}, {"alone": 9, "tasks": 4}]
)
def test_numbers_that_cannot_be_are_refused(options):
    with pytest.raises(InputError):
        BenchExperts(**options).prepare()


def test_names_that_do_not_exist_are_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'ant-dir'"):
        BenchExperts(family="ant-dur").prepare()
