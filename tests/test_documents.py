"""README and CONTRIBUTING: their code runs as written, their commands and links exist."""

import re
import shlex
from pathlib import Path
from typing import Any

import gymnasium
import pytest
import torch

from hyperdyn import Field, History, ModelConfig, StateSpace
from hyperdyn.cli.main import parse
from hyperdyn.planners import PlanStatus

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PUSHING = (ROOT / "docs" / "pushing.md").read_text()
LOCOMOTION = (ROOT / "docs" / "locomotion.md").read_text()
POLICIES = (ROOT / "docs" / "policies.md").read_text()
GENHYPER = (ROOT / "docs" / "genhyper.md").read_text()
ENCODER = CONTRIBUTING.split("## An encoder")[1]
PLANNER = CONTRIBUTING.split("## A planner")[1].split("## ")[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def run_block(text: str) -> dict[str, Any]:
    """The names that the only Python block of a text defines when run as written."""
    (code,) = blocks(text, "python")
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "example.py", "exec"), names)
    return names


def test_the_python_loop_of_the_readme_runs_as_written_in_twelve_lines():
    (code,) = blocks(README, "python")
    lines = [line for line in code.splitlines() if line.strip()]
    assert len([line for line in lines if not re.match("import|from", line)]) == 12
    names = run_block(README)
    assert names["controller"].last_plan.status == (PlanStatus.OK,)
    assert names["controller"].status_counts[PlanStatus.OK] == 100 - names["seen"].length
    names["env"].close()


def test_the_page_on_pushing_runs_as_written():
    pytest.importorskip("pybullet")
    names = run_block(PUSHING)
    assert names["dynamics"].model_at(names["state"]).parameters.shape == (1, 3152)
    names["env"].close()


@pytest.mark.parametrize(
    ("page", "least"),
    [(PUSHING, 8), (LOCOMOTION, 6), (POLICIES, 6), (GENHYPER, 10)],
    ids=["push", "walk", "policies", "genhyper"],
)
def test_the_commands_of_the_pages_on_studies_are_commands(page: str, least: int):
    text = "\n".join(blocks(page, "bash")).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.startswith("hyperdyn ")]
    ours = [shlex.split(line, comments=True)[1:] for line in lines]
    assert len(ours) >= least
    for words in ours:
        assert parse(words)


def test_the_column_the_readme_names_is_the_forward_position():
    env = gymnasium.make("hyperdyn/CheetahSlope-v0")
    assert env.unwrapped.observation_names[17] == "com_x"
    env.close()


def test_the_commands_of_the_readme_are_commands():
    lines = [line for block in blocks(README, "bash") for line in block.splitlines()]
    ours = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("hyperdyn ")]
    assert len(ours) >= 5
    for words in ours:
        assert parse(words)
    targets = {line.split()[1] for line in lines if line.startswith("make ")}
    assert targets == {"demo", "test"}
    for target in targets:
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_to_files(name: str):
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text())
    assert links
    for link in links:
        assert link.startswith("https://") or (ROOT / link).exists(), link


def test_the_planner_of_contributing_plans(rng: torch.Generator):
    class Shift:
        """s' = s + a."""

        state_dim, action_dim, num_systems = 2, 2, 3

        def rollout(self, states: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
            start = states[:, None, None].expand(-1, actions.shape[1], 1, -1)
            return torch.cat([start, start + actions.cumsum(2)], dim=2)

    def nearness(states: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        return -(states - 1.0).norm(dim=-1).sum(-1)

    planner = run_block(PLANNER)["HillClimbing"](horizon=4, samples=200, iterations=6)
    plan = planner.plan(Shift(), torch.zeros(3, 2), nearness, generator=rng)
    assert (plan.actions[:, 0] > 0.5).all()


def test_the_encoder_of_contributing_generates_models(rng: torch.Generator):
    space = StateSpace((Field(name="position", size=3),))
    config = ModelConfig(state_space=space, action_dim=2, dynamics_hidden=(8,))
    model = run_block(ENCODER)["StepwiseHyperDynamics"](config, generator=rng)
    states = torch.randn(2, 16, 3, generator=rng)
    dynamics = model.generate(History(states, torch.randn(2, 16, 2, generator=rng)))
    assert dynamics.step(states[:, -1], torch.zeros(2, 2)).shape == (2, 3)
    assert not torch.equal(dynamics.parameters[0], dynamics.parameters[1])
