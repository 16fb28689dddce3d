"""A study of sampled policies in seconds: experts of random weights, samplers barely trained."""

import dataclasses

import torch

from hyperdyn.envs.meta import FAMILIES
from hyperdyn.genhyper import load_sampler
from hyperdyn.networks import MLPSpec, default_parameters
from hyperdyn.training.experts.configs import ActorTuning, SACSettings
from hyperdyn.training.experts.policies import ExpertPolicies, PoliciesMeta
from hyperdyn.training.genhyper.collection import PolicyCollection
from hyperdyn.training.genhyper.configs import genhyper_run
from hyperdyn.training.genhyper.training import train_genhyper
from hyperdyn.training.transfer.runs import read_experts, read_samplers
from hyperdyn.training.tuning.configs import TuningConfig
from hyperdyn.training.tuning.starts import generated_start
from hyperdyn.training.tuning.training import tune

FAMILY = "cheetah-vel"
SPEC = MLPSpec(sizes=(20, 8, 12))
BRIEF = {"steps": 2, "autoencoder_steps": 2, "batch": 4}
SMALL = {"widths": (16, 8), "token_dim": 8, "embedding_dim": 4}
STEPS = 10
"""Of an episode."""


def add_experts(folder, tasks=(1, 20, 36)):
    """Some training tasks, and all test tasks."""
    of = FAMILIES[FAMILY]
    generator = torch.Generator().manual_seed(0)
    for task in (*tasks, *of.test):
        meta = PoliciesMeta(
            family=FAMILY,
            task=task,
            value=of.values[task],
            split="test" if task in of.test else "train",
            sizes=SPEC.sizes,
            activation=SPEC.activation,
            steps=(1, 2),
            returns=(0.0,),
        )
        actors = torch.stack([default_parameters(SPEC, generator) for _ in range(2)])
        ExpertPolicies(meta=meta, actors=actors).write(folder)
    return folder


def add_sampler(study, experts, method, *, seed=0, tasks=None, base=None):
    """A run of few updates; its folder."""
    source = PolicyCollection.read(experts)
    sizes = {} if method == "hypformer" else SMALL
    if method.startswith("hyplatent"):
        sizes = {**sizes, "judge_widths": (8,)}
    config = genhyper_run(method, source, tasks=tasks, base=base, seed=seed, sizes=sizes, **BRIEF)
    out = study / f"{method}-{len(config.tasks)}-{seed}"
    train_genhyper(config, out, source, base=base)
    return out


def add_tuned(study, name, sampler=None, **tuning):
    """A run of few steps, from a sampler's actors or from scratch."""
    config = TuningConfig(
        family=FAMILY,
        tasks=FAMILIES[FAMILY].test[:2],
        sac=SACSettings(hidden=(8,), batch=4),
        steps=20,
        round_steps=10,
        learning_starts=5,
        buffer=20,
        evaluate_every=1,
        evaluated=1,
        repeats=2,
    )
    start = None
    if sampler is not None:
        experts = {own.digest: own for own in read_experts((study.parent / "experts",)).values()}
        run = next(run for run in read_samplers(study, experts) if run.folder == sampler)
        config = dataclasses.replace(config, model=run.model, tuning=ActorTuning(**tuning))
        start = generated_start(load_sampler(sampler), config)
    return tune(config, study / name, start)
