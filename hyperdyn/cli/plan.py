"""`hyperdyn plan`: one episode, watched."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from hyperdyn.cli.command import Command, EnvId, Job, Model, make_room_for, require_split
from hyperdyn.cli.planners import PlannerChoice, RandomShooting
from hyperdyn.cli.videos import Camera, require_video_name


@dataclass(frozen=True, kw_only=True)
class Plan(Command):
    """Run one episode: watch, generate a model, plan with it, act, again; and film it.

    With the word simulator as MODEL an oracle plans, with the environment's own simulator.
    """

    model: Model
    """A pretrained name (`hyperdyn info` lists them), a run or model folder, or: simulator."""
    env: EnvId
    """Environment, such as hyperdyn/CheetahSlope-v0."""
    video: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Film of the episode: .mp4 or .gif; or .png, six pictures of it side by side."""
    split: str = "novel"
    """Where its hidden properties are drawn from: seen, novel, novel-low or novel-high."""
    seed: int = 0
    """Seed of terrain, initial state and plans."""
    device: str = "cpu"
    """Where models are generated and planned with: cpu or cuda."""
    planner: PlannerChoice = RandomShooting()  # noqa: RUF009  (frozen)
    """What plans."""

    def prepare(self) -> Job:
        """Check names, load the model, try the camera."""
        from hyperdyn.cli.models import load_model
        from hyperdyn.training.tasks import task_for

        task = task_for(self.env)
        require_split(task, self.split)
        planner, proposal = self.planner.build()
        model = load_model(self.model, self.device)
        if self.video is not None:
            require_video_name(self.video)
            make_room_for(self.video)

        def job() -> None:
            from tqdm import tqdm

            from hyperdyn.envs import make
            from hyperdyn.training.collect import Reset, planning_agent, run_episodes
            from hyperdyn.training.seeds import torch_generator

            camera = None if self.video is None else Camera()
            generator = torch_generator(self.seed, "plan", device=self.device)
            agent = planning_agent(model, planner, task.objective(), generator, proposal)
            with tqdm(total=task.episode_steps, desc="plan", leave=False) as bar:

                def on_step(systems: int) -> None:
                    bar.update(systems)
                    if camera is not None:
                        camera.take()

                episodes = run_episodes(
                    self.env,
                    agent,
                    [Reset(self.seed, {"split": self.split})],
                    task.episode_steps,
                    on_step,
                    make if camera is None else camera.make,
                )
            ends = {status.name: n for status, n in agent.controller.status_counts.items() if n}
            print(
                f"Return {float(episodes.returns[0]):.1f} in {int(episodes.lengths[0])} steps; "
                f"{agent.plans / agent.plan_seconds:.0f} plans/s; plans ended {ends}"
            )
            if self.video is not None and camera is not None:
                camera.write(self.video)
                print(f"Wrote {self.video}")

        return job
