"""`hyperdyn`: reads the command line, runs one command, and answers mistakes with a sentence.

Exit status: 0 done, 1 failed, 2 the command line asks for something there is not, 130 interrupted.
"""

import dataclasses
import functools
import operator
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import tyro

from hyperdyn.cli.bench import Bench
from hyperdyn.cli.collect import Collect
from hyperdyn.cli.collect_demonstrations import CollectDemonstrations
from hyperdyn.cli.collect_goals import CollectGoals
from hyperdyn.cli.collect_policies import CollectPolicies
from hyperdyn.cli.command import Command
from hyperdyn.cli.demo import Demo
from hyperdyn.cli.demo_policies import DemoPolicies
from hyperdyn.cli.demo_push import DemoPush
from hyperdyn.cli.evaluate import Evaluate
from hyperdyn.cli.evaluate_goalnet import EvaluateGoalnet
from hyperdyn.cli.info import Info
from hyperdyn.cli.objects import Objects
from hyperdyn.cli.pack import Pack
from hyperdyn.cli.plan import Plan
from hyperdyn.cli.planners import DEFAULT_PLANNER, PLANNERS, PREFIX, PlannerSettings
from hyperdyn.cli.predict import Predict
from hyperdyn.cli.score_perception import ScorePerception
from hyperdyn.cli.tables import Tables
from hyperdyn.cli.train import Train
from hyperdyn.cli.train_dynamics import TrainDynamics
from hyperdyn.cli.train_genhyper import TrainGenhyper
from hyperdyn.cli.train_genhyper_tuning import TrainGenhyperTuning
from hyperdyn.cli.train_goalnet import TrainGoalnet
from hyperdyn.cli.train_locomotion import TrainLocomotion
from hyperdyn.cli.train_perception import TrainPerception
from hyperdyn.cli.train_policy import TrainPolicy
from hyperdyn.cli.train_push import TrainPush
from hyperdyn.errors import HyperdynError, InputError, UnknownNameError, require_known

DESCRIPTION = "Watch a system for a moment, get a dynamics model made for it, plan with it."

COMMANDS: dict[str, type[Command]] = {
    "collect": Collect,
    "train": Train,
    "evaluate": Evaluate,
    "plan": Plan,
    "predict": Predict,
    "tables": Tables,
    "demo": Demo,
    "bench": Bench,
    "objects": Objects,
    "pack": Pack,
    "info": Info,
}

FURTHER: dict[str, dict[str, type[Command]]] = {
    "collect": {
        "demonstrations": CollectDemonstrations,
        "goals": CollectGoals,
        "policies": CollectPolicies,
    },
    "train": {
        "dynamics": TrainDynamics,
        "genhyper": TrainGenhyper,
        "genhyper-tuning": TrainGenhyperTuning,
        "goalnet": TrainGoalnet,
        "locomotion": TrainLocomotion,
        "perception": TrainPerception,
        "policy": TrainPolicy,
        "push": TrainPush,
    },
    "evaluate": {"goalnet": EvaluateGoalnet, "perception": ScorePerception},
    "demo": {"policies": DemoPolicies, "push": DemoPush},
}
"""Commands of two words, beside what the first word does alone."""

NOT_OPTIONS = ("model", "models", "planner", "preset")  # a word by itself on the command line
FAILED, USAGE, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Words of the command line; those of this process unless given.

    Returns:
        The exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_MININTERVAL", "30")  # one line a while in a log
    try:
        command = parse(words)
        job = command.prepare()
    except (UnknownNameError, InputError) as error:
        return _say(error, USAGE)
    except (HyperdynError, OSError) as error:
        return _say(error, FAILED)
    except KeyboardInterrupt:
        return _say("Stopped before it began.", INTERRUPTED)
    try:
        job()
    except (HyperdynError, OSError) as error:
        return _say(error, FAILED)
    except KeyboardInterrupt:
        return _say(command.when_interrupted, INTERRUPTED)
    return 0


def parse(
    words: Sequence[str],
    program: str = "hyperdyn",
    commands: Mapping[str, type[Command]] = COMMANDS,
    description: str = DESCRIPTION,
) -> Command:
    """Turn words into a command; prints help and leaves with 0, or with 2 if words are missing.

    Args:
        words: Of the command line, after the program.
        program: What they follow.
        commands: Those to choose from.
        description: What they have in common.

    Raises:
        UnknownNameError: For an unknown command, option or planner; names the nearest.
    """
    config = (tyro.conf.CascadeSubcommandArgs,)
    if not words or words[0].startswith("-"):
        listed = [
            Annotated[kind, tyro.conf.subcommand(name, description=_first_sentence(kind))]
            for name, kind in commands.items()
        ]
        union: Any = functools.reduce(operator.or_, listed)
        tyro.cli(union, prog=program, description=description, args=words, config=config)
    name, *rest = words
    require_known("command", name, commands)
    kind = commands[name]
    if issubclass(kind, Bench | Tables):
        return parse(rest, f"{program} {name}", kind.commands, str(kind.__doc__))
    further = FURTHER.get(name, {}) if commands is COMMANDS else {}
    if rest and rest[0] in further:
        return parse(rest, f"{program} {name}", further)
    _require_options(kind, rest)
    command: Command = tyro.cli(kind, prog=f"{program} {name}", args=rest, config=config)
    return command


def _require_options(kind: type[Command], words: Sequence[str]) -> None:
    """Refuse planners and options that do not exist, wherever they stand."""
    options = {"--help", *_options(kind)}
    if any(field.name == "planner" for field in dataclasses.fields(kind)):
        chosen = DEFAULT_PLANNER
        for word in words:
            if word.startswith(PREFIX):
                require_known("planner", word, [PREFIX + name for name in PLANNERS])
                chosen = word.removeprefix(PREFIX)
        options |= _options(PLANNERS[chosen], "planner.")
    for word in words:
        if word.startswith("--"):
            require_known("option", word.split("=")[0].replace("_", "-"), options)


def _options(kind: type[Command | PlannerSettings], prefix: str = "") -> set[str]:
    words = getattr(kind, "positionals", NOT_OPTIONS)
    fields = [field for field in dataclasses.fields(kind) if field.name not in words]
    names = {prefix + field.name.replace("_", "-") for field in fields}
    names |= {f"{prefix}no-{f.name.replace('_', '-')}" for f in fields if f.type is bool}
    return {f"--{name}" for name in names}


def _first_sentence(kind: type[Command]) -> str:
    return str(kind.__doc__).split("\n", maxsplit=1)[0]


def _say(what: object, status: int) -> int:
    print(f"hyperdyn: {what}", file=sys.stderr)
    return status
