"""The policy tables and the commands: numbers by hand, cells that are kept, mistakes answered."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from hyperdyn.cli.main import main
from hyperdyn.errors import CheckpointError
from hyperdyn.policies import load_policy_generator
from hyperdyn.training.demonstrations.dataset import Demonstrations
from hyperdyn.training.policies import evaluation, scores
from hyperdyn.training.policies.configs import policy_run
from hyperdyn.training.policies.evaluation import generate, stage_errors
from hyperdyn.training.policies.page import page
from hyperdyn.training.policies.reference import read_reference, reference_of
from hyperdyn.training.policies.tables import PolicyStudy, read_runs
from hyperdyn.training.policies.training import train_policy
from hyperdyn.training.policies.transitions import digest
from tests.policies.families import SMALL, write_demonstrations
from tests.policies.test_policy_training import Line

HYPOGEN = "hypogen_raw, hidden 8, blocks 3, code dim 8"
OTHER = "hypogen_raw, hidden 8, blocks 1, code dim 8, raw conditions"
PEARL, UVFA = "pearl, hidden 8", "uvfa, hidden 8"
IDS = (0, 1, 2, 3, 4, 7, 8, 9, 17, 20, 23, 30, 33)
"""The training specifications of split 0, some of those of split 1, and others."""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Runs of two methods, one of them on two splits, and of one that differs."""
    folder = tmp_path_factory.mktemp("policies")
    shown = write_demonstrations(folder / "shown", IDS)
    source = Demonstrations.read(shown)
    for kind, split, more in (
        ("uvfa", 0, {}),
        ("uvfa", 1, {}),
        ("hypogen_raw", 0, {}),
        ("hypogen_raw", 0, {"blocks": 1, "raw_conditions": True}),
        ("pearl", 1, {}),
    ):
        sizes = {"embedding_dim": 16, "hidden": (8,), **SMALL.get(kind, {}), **more}
        config = policy_run(kind, source, sizes=sizes, split=split, steps=3, targets=8)
        train_policy(config, folder / "study" / f"{kind}-{split}-{len(more)}", source)
    choosing = replace(config, held_out=1)
    train_policy(choosing, folder / "study" / "choosing", source)
    return folder


@pytest.fixture
def made(study, tmp_path, monkeypatch):
    """The tables, made once; and how often returns were worked out."""
    calls = []

    def counted(*arguments, **options):
        calls.append(arguments)
        return evaluation.policy_returns(*arguments, **options)

    monkeypatch.setattr(evaluation.envs, "make", lambda env_id: Line())
    monkeypatch.setattr(scores, "policy_returns", counted)
    words = ["tables", "policies", "--json", str(tmp_path / "tables.json")]
    words += ["--runs", str(study / "study"), "--demonstrations", str(study / "shown")]
    words += ["--tables", "1", "4", "--episodes", "2", "--workers", "1"]
    assert main(words) == 0
    return words, tmp_path / "tables.json", calls


def test_numbers_are_those_of_the_episodes(study, made):
    _, file, _ = made
    found = json.loads(file.read_text())
    rows = found["table1"]["cheetah-speed"]
    assert list(rows) == [HYPOGEN, OTHER, PEARL, UVFA, "expert"]
    source = reference_of(Demonstrations.read(study / "shown"))
    own, expert = [], []
    for split in (0, 1):
        test = source.split(split)[1]
        model = load_policy_generator(study / "study" / f"uvfa-{split}-0")
        policy = generate(model, source, test)
        returns = evaluation.policy_returns(policy, source, test, episodes=2, seed=0)
        own.append(returns.mean(1))
        expert.append(source.returns[list(test)].mean(1).numpy())
    assert rows[UVFA]["mean"] == pytest.approx(np.concatenate(own).mean())
    assert rows["expert"]["mean"] == pytest.approx(np.concatenate(expert).mean())
    assert rows[UVFA]["share"] == pytest.approx(rows[UVFA]["mean"] / rows["expert"]["mean"])
    assert rows[UVFA]["by_stratum"] == pytest.approx(
        {f"split {split}, seed 0": own[split].mean() for split in (0, 1)}
    )
    share = rows[PEARL]["mean"] / expert[1].mean()  # of the specifications it was scored on
    assert rows[PEARL]["share"] == pytest.approx(share)
    low, high = rows[UVFA]["ci95"]
    assert low < rows[UVFA]["mean"] < high
    assert rows[PEARL]["few_shot"]
    assert not rows[UVFA]["few_shot"]
    updates = found["updates"]["cheetah-speed"]
    assert set(updates) == {HYPOGEN, OTHER}
    model = load_policy_generator(study / "study" / "hypogen_raw-0-0")
    errors = stage_errors(model, source, source.split(0)[1]).mean(1)
    assert updates[HYPOGEN]["errors"] == pytest.approx(errors.tolist(), rel=1e-5)
    assert found["setting"]["steps"] == {"cheetah-speed": 3}
    assert found["setting"]["learning_rates"]["cheetah-speed, uvfa-0-0"] == 1e-3
    assert len(found["setting"]["learning_rates"]) == 5  # without the one for choosing settings
    assert f"| {HYPOGEN} | " in file.with_suffix(".md").read_text()


def test_the_figure_shows_the_tables_returns(study, made):
    words, file, _ = made
    pytest.importorskip("matplotlib")
    assert main([*words, "--figures"]) == 0
    assert file.with_name("tables-returns.png").stat().st_size > 10_000
    drawn = PolicyStudy(
        read_runs(study / "study"),
        [study / "shown"],
        file.with_suffix(".cells"),
        episodes=2,
        seed=0,
    ).curves()["cheetah-speed"]
    assert {split: set(methods) for split, methods in drawn.items()} == {
        0: {HYPOGEN, OTHER, UVFA, "expert"},
        1: {PEARL, UVFA, "expert"},
    }
    source = Demonstrations.read(study / "shown")
    test = list(source.split(1)[1])
    values, returns = drawn[1][UVFA]
    assert values == source.specifications[test, 0].tolist()
    found = json.loads(file.read_text())["table1"]["cheetah-speed"][UVFA]["by_stratum"]
    assert np.mean(returns) == pytest.approx(found["split 1, seed 0"])
    assert drawn[1]["expert"][1] == pytest.approx(source.returns[test].mean(1).tolist())


def test_the_page_has_the_papers_numbers_beside_methods_of_the_papers_sizes():
    row = {"mean": 700.0, "ci95": [690.0, 710.0], "share": 0.9, "few_shot": False}
    names = ("hypogen_latent", "hypogen_raw, blocks 1", "expert")
    lines = page({"table1": {"cheetah-speed": dict.fromkeys(names, row)}}).splitlines()
    own, other, expert = (next(line for line in lines if f"| {n} |" in line) for n in names)
    assert own == "| hypogen_latent | 700.0 [690.0, 710.0] | 0.900 |  | 819.2 |"
    assert other.endswith("|  |")
    assert expert.endswith("| 869.6 |")


def test_cells_are_kept_until_a_model_changes(study, made):
    words, file, calls = made
    before = file.read_text()
    assert len(calls) == 5
    assert main(words) == 0
    assert len(calls) == 5
    assert file.read_text() == before
    model = load_policy_generator(study / "study" / "uvfa-0-0")
    original = model.head.shared.data.clone()
    model.head.shared.data *= 2
    model.save(study / "study" / "uvfa-0-0" / "model")
    assert main(words) == 0
    assert len(calls) == 6
    model.head.shared.data = original
    model.save(study / "study" / "uvfa-0-0" / "model")
    assert main([*words[:-4], "--episodes", "1", "--workers", "1"]) == 0
    assert len(calls) == 11


def test_a_saved_reference_gives_the_numbers_of_the_demonstrations(study, made, tmp_path):
    words, file, calls = made
    source = Demonstrations.read(study / "shown")
    reference_of(source).save(tmp_path / "reference")
    found = read_reference(tmp_path / "reference")
    assert found.digest == digest(source)
    assert found.split(1) == source.split(1)
    assert torch.equal(found.returns, source.returns)
    again = tmp_path / "again.json"
    words = [str(again) if word == str(file) else word for word in words]
    words[words.index("--demonstrations") + 1] = str(tmp_path / "reference")
    assert main(words) == 0
    assert len(calls) == 10  # nothing was taken from the other tables' cells
    one, two = (json.loads(path.read_text()) for path in (file, again))
    assert one["table1"] == two["table1"]
    assert one["updates"] == two["updates"]


def test_a_reference_that_cannot_be_read(study, tmp_path):
    reference = reference_of(Demonstrations.read(study / "shown"))
    reference.save(tmp_path / "cut")
    config = json.loads((tmp_path / "cut" / "config.json").read_text())
    del config["config"]["ids"]
    (tmp_path / "cut" / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="no reference of demonstrations"):
        read_reference(tmp_path / "cut")
    with pytest.raises(CheckpointError, match=r"demonstrations\.json"):
        read_reference(tmp_path / "nowhere")


def words_for(study, out, *more):
    return [
        *("tables", "policies", "--json", str(out / "tables.json")),
        *("--runs", str(study / "study"), "--demonstrations", str(study / "shown")),
        *more,
    ]


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (("--tables", "2"), "Unknown table '2'"),
        (("--episodes", "0"), "--episodes must be at least 1"),
        (("--seed", "-1"), "--seed is not negative"),
        (("--demonstrations",), "belong together"),
    ],
)
def test_bad_options(study, tmp_path, capsys, more, text):
    assert main(words_for(study, tmp_path, *more)) == 2
    assert text in capsys.readouterr().err


def test_folders_that_do_not_fit(study, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    words = words_for(study, tmp_path)
    words[5] = str(tmp_path / "empty")
    assert main(words) == 2
    assert "no finished run" in capsys.readouterr().err
    words = words_for(study, tmp_path)
    words[7] = str(write_demonstrations(tmp_path / "others", IDS, seed=1))
    assert main(words) == 2
    assert "are not among those given" in capsys.readouterr().err


def test_runs_of_unequal_steps_are_not_compared(study, tmp_path, capsys):
    source = Demonstrations.read(study / "shown")
    for kind, steps in (("uvfa", 2), ("pearl", 3)):
        config = policy_run(
            kind,
            source,
            sizes={"embedding_dim": 16, "hidden": (8,)},
            steps=steps,
            targets=8,
            split=1,
        )
        train_policy(config, tmp_path / "study" / kind, source)
    words = words_for(study, tmp_path)
    words[5] = str(tmp_path / "study")
    assert main(words) == 2
    assert "compared at equal ones" in capsys.readouterr().err


def train_words(study, out, *more):
    shown = str(study / "shown")
    return ["train", "policy", "uvfa", "--demonstrations", shown, "--study", str(out), *more]


def test_the_command_trains_what_the_function_trains(study, tmp_path, capsys):
    out = tmp_path / "study"
    words = train_words(study, out, "--splits", "0", "1", "--seeds", "2", "--workers", "1")
    words += ["--steps", "3", "--targets", "8", "--hidden", "12"]
    for _ in range(2):
        assert main(words) == 0
    names = [f"cheetah-speed-uvfa-hidden-12-{split}-2" for split in (0, 1)]
    assert sorted(path.name for path in out.iterdir()) == names
    source = Demonstrations.read(study / "shown")
    for split, name in enumerate(names):
        config = policy_run(
            "uvfa", source, sizes={"hidden": (12,)}, split=split, seed=2, steps=3, targets=8
        )
        again = train_policy(config, tmp_path / "again" / name, source).state_dict()
        found = load_policy_generator(out / name).state_dict()
        assert all((found[key] == value).all() for key, value in again.items())
    capsys.readouterr()
    assert main([*words, "--learning-rate", "0.5"]) == 1
    assert "other settings" in capsys.readouterr().err
    assert main([*words, "--demonstrations", *[str(study / "shown")] * 2]) == 2
    assert "asked for twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        (lambda words: words.__setitem__(2, "hypogen"), 2, "Did you mean 'hypogen_raw'"),
        (lambda words: words.extend(["--splits", "9"]), 2, "number 9"),
        (lambda words: words.extend(["--blocks", "3"]), 2, "no size named blocks"),
        (lambda words: words.extend(["--steps", "0"]), 2, "must be positive"),
        (lambda words: words.extend(["--budget", "papr"]), 2, "'paper'"),
        (lambda words: words.extend(["--workers", "0"]), 2, "--workers"),
        (lambda words: words.extend(["--seeds", "-1"]), 2, "--seeds"),
        (lambda words: words.__setitem__(4, "nowhere"), 1, "demonstrations.json"),
    ],
)
def test_mistakes_are_answered(study, tmp_path, capsys, change, status, text):
    words = train_words(study, tmp_path / "run")
    change(words)
    assert main(words) == status
    assert text in capsys.readouterr().err
