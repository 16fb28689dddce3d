"""True simulators as dynamics: equal to stepping the environment, and NaN once diverged."""

from concurrent.futures import ThreadPoolExecutor

import mujoco
import numpy as np
import pytest
import torch

import hyperdyn.envs
from hyperdyn.dynamics import Dynamics, SteppingDynamics
from hyperdyn.envs import mujoco_dynamics
from hyperdyn.envs.locomotion.true_dynamics import true_dynamics
from hyperdyn.envs.mujoco_dynamics import MujocoDynamics
from hyperdyn.errors import InputError
from hyperdyn.planners import CEM, GoalPosition, PlanStatus, PolicyProposal

OTHERS = ("Push", "Suite", "CheetahVel", "AntDir")
WALKERS = [name for name in hyperdyn.envs.ENV_IDS if not any(other in name for other in OTHERS)]
CHEETAH = "hyperdyn/CheetahSlope-v0"
SLIDE = """
<mujoco><option timestep="0.01" gravity="0 0 0"/>{options}
  <worldbody><body><joint name="x" type="slide" axis="1 0 0"/><geom size=".1" mass="{mass}"/></body>
  </worldbody>
  <actuator>{actuator}</actuator>
</mujoco>"""
MOTOR = '<motor joint="x" gear="{gear}"/>'


def slide(mass=1.0, gear=1.0, actuator=MOTOR, options=""):
    """A mass on a rail, pushed by one motor; its state is position and velocity."""
    text = SLIDE.format(mass=mass, actuator=actuator.format(gear=gear), options=options)
    return mujoco.MjModel.from_xml_string(text)


def walkers(env_id, count, steps=60):
    """Environments in the middle of an episode, robots on the ground, and what they observe."""
    rng = np.random.default_rng(0)
    envs, seen = [hyperdyn.envs.make(env_id).unwrapped for _ in range(count)], []
    for seed, env in enumerate(envs):
        observation, _ = env.reset(seed=seed)
        for _ in range(steps):
            observation, *_ = env.step(rng.uniform(-1, 1, env.action_space.shape))
        seen.append(observation)
    return envs, torch.tensor(np.stack(seen))


def draw(rng, *shape, dtype=torch.float64):
    return torch.rand(*shape, generator=rng, dtype=dtype) * 2 - 1


def fingers(count, steps=40):
    """Simulators of the suite's finger in the middle of an episode, and where they stand."""
    pytest.importorskip("dm_control")
    from hyperdyn.envs.suite.true_dynamics import SuiteSimulators

    envs, _ = walkers("hyperdyn/SuiteFingerSpeed-v0", count, steps)
    simulators = SuiteSimulators(envs)
    return simulators.dynamics, simulators.states()


def stepping(name):
    """Dynamics of three systems that can advance, and where those stand."""
    if name == "finger":
        return fingers(3)
    envs, states = walkers(name, 3)
    return true_dynamics(envs), states


every_stepping = pytest.mark.parametrize(
    "name", ["hyperdyn/CheetahBody-v0", "hyperdyn/AntSlope-v0", "finger"]
)


@pytest.mark.parametrize("env_id", WALKERS)
@pytest.mark.parametrize("warm", [True, False])
def test_a_rollout_is_what_the_environments_would_do(env_id, warm, rng):
    envs, states = walkers(env_id, 3)
    warmstart = np.stack([env.data.qacc_warmstart for env in envs]) if warm else None
    S, A = envs[0].observation_space.shape[0], envs[0].action_space.shape[0]
    actions = draw(rng, 3, 2, 50, A)
    dynamics = true_dynamics(envs)
    assert isinstance(dynamics, Dynamics)
    assert (dynamics.num_systems, dynamics.state_dim, dynamics.action_dim) == (3, S, A)
    assert dynamics.time_step == pytest.approx(envs[0].time_step)
    rolled = dynamics.rollout(states, actions, warmstart=warmstart)
    contacts = 0
    for row, env in enumerate(envs):
        for step in range(50):
            observation, *_ = env.step(actions[row, 1, step].numpy())
            # Measured: 2e-13; the root's x is rounded when it is found from the centre of mass.
            np.testing.assert_allclose(
                rolled[row, 1, step + 1], observation, rtol=1e-9, atol=1e-9, err_msg=f"step {step}"
            )
            contacts += env.data.ncon
    assert contacts > 20
    assert torch.equal(rolled[:, :, 0], states[:, None].expand(-1, 2, -1))


def test_the_warm_start_is_where_the_solver_begins():
    (env,), _ = walkers(CHEETAH, 1)
    for _ in range(100):
        observation, *_ = env.step(np.zeros(6))  # at rest: one step's forces are the next one's
    # One step of a slow solver, so that it matters; Newton's method finds the same end anyway.
    env.model.opt.solver, env.model.opt.iterations = mujoco.mjtSolver.mjSOL_CG, 1
    states, actions = torch.tensor(observation)[None], torch.zeros(1, 1, 1, 6).double()
    dynamics = true_dynamics([env])
    warm = dynamics.rollout(states, actions, warmstart=env.data.qacc_warmstart[None].copy())
    cold = dynamics.rollout(states, actions)
    observation, *_ = env.step(np.zeros(6))
    np.testing.assert_allclose(warm[0, 0, 1], observation, rtol=1e-9, atol=1e-9)
    assert (cold[0, 0, 1] - warm[0, 0, 1]).abs().max() > 1e-6


def test_an_environment_and_its_dynamics_diverge_at_the_same_step():
    envs, _ = walkers(CHEETAH, 1, steps=0)
    env = envs[0]
    env.data.qpos[1], env.data.qvel[1] = 500.0, -199.5  # falls through the bound of 200 m/s
    mujoco.mj_step1(env.model, env.data)
    state = torch.tensor(np.concatenate((env.data.qpos[1:], env.data.qvel, env._com)))[None]
    rolled = true_dynamics(envs).rollout(state, torch.zeros(1, 1, 10, 6).double())[0, 0, 1:]
    ended = []
    for _ in range(10):
        observation, _, diverged, _, _ = env.step(np.zeros(6))
        ended.append(diverged)
        if diverged:
            break
        np.testing.assert_allclose(rolled[len(ended) - 1], observation, rtol=1e-9, atol=1e-9)
    assert 2 < len(ended) < 10
    assert rolled[len(ended) - 1 :].isnan().all()


def test_results_have_the_type_of_the_states_and_are_computed_in_double(rng):
    envs, states = walkers(CHEETAH, 2)
    states, actions = states.float(), draw(rng, 2, 3, 20, 6, dtype=torch.float32)
    dynamics = true_dynamics(envs)
    single = dynamics.rollout(states, actions.requires_grad_())
    double = dynamics.rollout(states.double(), actions.double())
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    assert torch.equal(single, double.float())
    assert not single.requires_grad


def test_threads_and_chunks_change_nothing(rng, monkeypatch):
    envs, states = walkers(CHEETAH, 3)
    actions = draw(rng, 3, 17, 10, 6)
    alone = true_dynamics(envs, threads=1)
    wanted = alone.rollout(states, actions)
    monkeypatch.setattr(mujoco_dynamics, "CHUNK_BYTES", 1)
    assert torch.equal(alone.rollout(states, actions), wanted)
    for threads in (2, 5):
        together = true_dynamics(envs, threads=threads)
        for _ in range(2):
            assert torch.equal(together.rollout(states, actions), wanted)
        together.close()


def test_an_action_is_held_for_every_skipped_step(rng):
    envs, states = walkers(CHEETAH, 1)
    view = envs[0].state_view
    one = MujocoDynamics([envs[0].model], view=view)
    three = MujocoDynamics([envs[0].model], view=view, frame_skip=3)
    actions = draw(rng, 1, 4, 5, 6)
    every = one.rollout(states, actions.repeat_interleave(3, dim=2))
    assert torch.equal(three.rollout(states, actions), every[:, :, ::3])
    assert (one.time_step, three.time_step) == (0.01, pytest.approx(0.03))


def test_each_system_has_its_own_model(rng):
    dynamics = MujocoDynamics([slide(mass) for mass in (1.0, 2.0, 4.0)])
    states, push = torch.zeros(3, 2).double(), torch.full((3, 1, 1, 1), 8.0).double()
    velocity = dynamics.rollout(states, push)[:, 0, 1, 1]
    torch.testing.assert_close(velocity, torch.tensor([0.08, 0.04, 0.02]).double())


def test_the_state_of_actuators_is_part_of_the_state():
    model = slide(actuator='<general joint="x" dyntype="integrator" gainprm="2"/>')
    dynamics = MujocoDynamics([model])
    states = torch.tensor([[0.0, 0.0, 3.0]])
    rolled = dynamics.rollout(states, torch.ones(1, 1, 2, 1))
    assert dynamics.state_dim == 3
    torch.testing.assert_close(rolled[0, 0, :, 2], torch.tensor([3.0, 3.01, 3.02]))
    assert rolled[0, 0, 1, 1] == pytest.approx(0.06)


@pytest.mark.parametrize("skip", [1, 4])
@pytest.mark.parametrize("step", [0, 3, 5])  # 5 is the last
@pytest.mark.parametrize("kick", [1.0, float("nan"), float("inf")])
def test_from_a_divergence_on_every_state_is_nan(skip, step, kick):
    # One unit of action is an acceleration that MuJoCo takes for a divergence, though the velocity
    # it leads to is none; a control that is no number it takes for zero, and goes on.
    dynamics = MujocoDynamics([slide(gear=2e10), slide(gear=2e10)], frame_skip=skip)
    states = torch.tensor([[5.0, 1.0], [5.0, 1.0]]).double()
    actions = torch.zeros(2, 3, 6, 1).double()
    actions[1, 2, step] = kick
    rolled = dynamics.rollout(states, actions)
    assert rolled[1, 2, step + 1 :].isnan().all()
    quiet = 5.0 + 0.01 * skip * torch.arange(7).double()
    torch.testing.assert_close(rolled[1, 2, : step + 1, 0], quiet[: step + 1])
    torch.testing.assert_close(rolled[1, :2, :, 0], quiet.expand(2, -1))
    torch.testing.assert_close(rolled[0, :, :, 0], quiet.expand(3, -1))


def test_a_state_that_is_none_or_beyond_the_bounds_is_nan_at_once_and_alone():
    models = [slide() for _ in range(4)]
    dynamics = MujocoDynamics(models, position_bound=3.0, velocity_bound=np.array([50.0]))
    states = torch.tensor([[0.0, float("nan")], [2.995, 1.0], [0.0, 1e11], [0.0, 1.0]]).double()
    rolled = dynamics.rollout(states, torch.zeros(4, 2, 3, 1).double())
    assert rolled[0, :, 1:].isnan().all()
    assert rolled[1, :, 1:].isnan().all()
    assert rolled[2, :, 1:].isnan().all()
    assert rolled[3].isfinite().all()
    torch.testing.assert_close(rolled[:, 0, 0], states, equal_nan=True)


def test_what_came_back_within_the_bounds_stays_nan():
    dynamics = MujocoDynamics([slide()], velocity_bound=0.5)
    actions = torch.tensor([100.0, -100.0, 0.0, 0.0]).double()[None, None, :, None]
    rolled = dynamics.rollout(torch.zeros(1, 2).double(), actions)
    assert rolled[0, 0, 1:].isnan().all()
    free = MujocoDynamics([slide()]).rollout(torch.zeros(1, 2).double(), actions)
    assert free[0, 0, 2, 1].abs() < 0.5


def test_divergence_is_said_nowhere_but_in_the_result(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    heard = []
    mujoco.set_mju_user_warning(heard.append)
    try:
        for threads in (1, 2):
            dynamics = MujocoDynamics([slide(gear=1e12)], threads=threads)
            rolled = dynamics.rollout(torch.zeros(1, 2), torch.ones(1, 20, 3, 1))
            assert rolled[:, :, 1:].isnan().all()
        assert heard == []
        assert mujoco.get_mju_user_warning() == heard.append
    finally:
        mujoco.set_mju_user_warning(None)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_several_callers_at_once_get_their_own_answers_and_the_handler_back():
    def diverge(gear):
        dynamics = MujocoDynamics([slide(gear=gear)], threads=2)
        return [
            dynamics.rollout(torch.zeros(1, 2), torch.ones(1, 50, 20, 1))[0, 0, -1, 1].item()
            for _ in range(20)
        ]

    before = mujoco.get_mju_user_warning()
    with ThreadPoolExecutor(3) as pool:
        fine, wild, heavy = pool.map(diverge, (1.0, 1e12, 2.0))
    assert np.isnan(wild).all()
    assert fine == pytest.approx([0.2] * 20)
    assert heavy == pytest.approx([0.4] * 20)
    assert mujoco.get_mju_user_warning() == before


def test_callers_of_the_same_dynamics_take_turns(rng):
    envs, states = walkers(CHEETAH, 1)
    dynamics = true_dynamics(envs)
    actions = [draw(rng, 1, 40, 20, 6) for _ in range(3)]
    wanted = [dynamics.rollout(states, those) for those in actions]
    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            found = pool.map(lambda those: dynamics.rollout(states, those), actions)
            assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_a_simulator_without_memory_for_contacts_says_so_and_yields_nan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bodies = "".join(
        f'<body pos="{0.05 * i} 0 0.09"><freejoint/><geom type="box" size=".1 .1 .1"/></body>'
        for i in range(6)
    )
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><size memory="64K"/><worldbody><geom type="plane" size="5 5 1"/>'
        f"{bodies}</worldbody></mujoco>"
    )
    dynamics = MujocoDynamics([model])
    state = torch.tensor(np.concatenate((model.qpos0, np.zeros(model.nv))))[None]
    with pytest.warns(RuntimeWarning, match="memory") as told:
        rolled = dynamics.rollout(state, torch.zeros(1, 9, 3, 0).double())
    assert len(told) == 1
    assert rolled[:, :, 1:].isnan().all()


def test_the_given_models_stay_the_callers_own():
    model = slide()
    dynamics = MujocoDynamics([model])
    assert not model.opt.disableflags & mujoco.mjtDisableBit.mjDSBL_AUTORESET
    model.body_mass[1] = 100.0
    moved = dynamics.rollout(torch.zeros(1, 2), torch.ones(1, 1, 1, 1))
    assert moved[0, 0, 1, 1] == pytest.approx(0.01)


def test_planners_leave_diverging_candidates_alone(rng):
    # The goal asks for the largest actions, and those leave the bound.
    dynamics = MujocoDynamics([slide(), slide()], velocity_bound=0.05)
    planner = CEM(horizon=10, samples=60, elites=8, iterations=4, initial_std=1.0)
    state = torch.zeros(2, 2)
    plan = planner.plan(dynamics, state, GoalPosition(columns=(0,), target=10.0), generator=rng)
    assert plan.status == (PlanStatus.OK, PlanStatus.OK)
    assert (plan.nonfinite_fraction > 0).all()
    reached = dynamics.rollout(state, plan.actions[:, None])
    assert reached.isfinite().all()
    assert (reached[:, 0, -1, 1] > 0.03).all()


@every_stepping
def test_to_advance_is_to_roll_one_action_out_from_each_state(name, rng, monkeypatch):
    dynamics, start = stepping(name)
    assert isinstance(dynamics, SteppingDynamics)
    assert dynamics.can_advance
    states = dynamics.rollout(start, draw(rng, 3, 5, 4, dynamics.action_dim))[:, :, -1]
    actions = draw(rng, 3, 5, dynamics.action_dim)
    wanted = [
        dynamics.rollout(states[:, index], actions[:, index, None, None])[:, 0, 1]
        for index in range(5)
    ]
    assert torch.equal(dynamics.advance(states, actions), torch.stack(wanted, dim=1))
    assert dynamics.advance(states[:, :0], actions[:, :0]).shape == (3, 0, dynamics.state_dim)
    monkeypatch.setattr(mujoco_dynamics, "CHUNK_BYTES", 1)
    assert torch.equal(dynamics.advance(states, actions), torch.stack(wanted, dim=1))


@every_stepping
def test_advancing_again_and_again_is_a_rollout_to_the_solvers_tolerance(name, rng):
    dynamics, start = stepping(name)
    actions = draw(rng, 3, 6, 12, dynamics.action_dim)
    rolled = dynamics.rollout(start, actions)
    states = start[:, None].expand(-1, 6, -1)
    for step in range(12):
        states = dynamics.advance(states, actions[:, :, step])
        # Measured: 2e-12.
        torch.testing.assert_close(states, rolled[:, :, step + 1], rtol=1e-8, atol=1e-8)
    assert (states[:, 0] - states[:, 1]).abs().max() > 0.1


def test_each_state_advances_in_the_model_of_its_system():
    dynamics = MujocoDynamics([slide(mass) for mass in (1.0, 2.0, 4.0)], threads=2)
    speeds = torch.tensor([0.0, 1.0, -3.0, 5.0]).double()
    states = torch.stack((torch.zeros(4).double(), speeds), dim=1).expand(3, -1, -1)
    pushes = torch.tensor([8.0, 8.0, 0.0, -8.0]).double()
    later = dynamics.advance(states, pushes.expand(3, -1)[..., None])
    gained = 0.01 * pushes / torch.tensor([[1.0], [2.0], [4.0]]).double()
    torch.testing.assert_close(later[..., 1], speeds + gained)
    torch.testing.assert_close(later[..., 0], 0.01 * (speeds + gained))


def test_what_advances_has_the_type_of_the_states_and_no_gradient(rng):
    dynamics, start = stepping(CHEETAH)
    states = start[:, None].repeat(1, 2, 1).float()
    actions = draw(rng, 3, 2, 6, dtype=torch.float32)
    single = dynamics.advance(states.requires_grad_(), actions.requires_grad_())
    assert (single.dtype, single.requires_grad) == (torch.float32, False)
    assert torch.equal(single, dynamics.advance(states.double(), actions.double()).float())


@every_stepping
def test_a_state_that_diverged_stays_nan_and_disturbs_no_other(name, rng):
    dynamics, start = stepping(name)
    states, actions = start[:, None].repeat(1, 4, 1), draw(rng, 3, 4, dynamics.action_dim)
    wanted = dynamics.advance(states, actions)
    states[0, 1], states[2, 3] = float("nan"), 1e12
    for _ in range(2):
        later = dynamics.advance(states, actions)
        assert later[0, 1].isnan().all()
        assert later[2, 3].isnan().all()
        assert later.isnan().any(dim=2).sum() == 2
        states[2, 3] = later[2, 3]
    kept = ~later.isnan()
    assert torch.equal(later[kept], wanted[kept])


def test_an_action_that_diverges_ends_its_own_state_alone():
    dynamics = MujocoDynamics([slide(gear=2e10), slide(gear=2e10)], frame_skip=3)
    states, actions = torch.tensor([5.0, 1.0]).repeat(2, 4, 1), torch.zeros(2, 4, 1)
    actions[1, 2] = 1.0
    later = dynamics.advance(states, actions)
    assert later[1, 2].isnan().all()
    later[1, 2] = later[0, 0]
    torch.testing.assert_close(later, torch.tensor([5.03, 1.0]).expand(2, 4, -1))


def test_what_a_state_does_not_show_is_that_of_the_running_simulator_of_its_system():
    envs, states = walkers("hyperdyn/CheetahPier-v0", 2)
    systems, data = np.array([1, 0, 1]), mujoco.MjData(envs[0].model)
    view = envs[0].shared_view(envs)
    physics = view.restore([env.model for env in envs], data, states.numpy()[systems], systems)
    for row, system in zip(physics, systems, strict=True):
        now = envs[system].data
        np.testing.assert_allclose(row, np.concatenate((now.qpos, now.qvel)), rtol=0, atol=1e-9)
    assert np.abs(physics[0] - physics[1])[9:17].max() > 1e-3  # the depths of the blocks


def test_states_that_do_not_show_all_that_moves_cannot_be_gone_on_from(rng):
    envs, states = walkers("hyperdyn/CheetahPier-v0", 2)
    dynamics = true_dynamics(envs)
    assert not dynamics.can_advance
    with pytest.raises(InputError, match="RobotView do not show"):
        dynamics.advance(states[:, None], torch.zeros(2, 1, 6).double())
    # A policy is still followed, over blocks that sink under the robot.
    bound = torch.ones(6).double()
    actions = PolicyProposal(lambda states: states[..., 8:14].tanh(), 0.1).propose(
        dynamics, states, 3, horizon=4, low=-bound, high=bound, generator=rng
    )
    rolled = dynamics.rollout(states, actions)
    torch.testing.assert_close(actions[:, 0], rolled[:, 0, :-1, 8:14].tanh())


@pytest.mark.usefixtures("unchecked")
def test_an_advance_of_other_shapes_is_refused():
    dynamics = MujocoDynamics([slide(), slide()])
    states, actions = torch.zeros(2, 3, 2), torch.zeros(2, 3, 1)
    for wrong in (states[:1], states[:, :2], states[..., :1], states[:, 0]):
        with pytest.raises(InputError, match=r"advance got .*E = 2, S = 2 and A = 1: one action"):
            dynamics.advance(wrong, actions)
    for wrong in (actions[:1], actions[:, :2], actions[..., :0], actions[:, :, None]):
        with pytest.raises(InputError, match=r"advance got .*E = 2, S = 2 and A = 1: one action"):
            dynamics.advance(states, wrong)
    for pair in ((states.long(), actions), (states, actions.long())):
        with pytest.raises(InputError, match=r"advance got .*float"):
            dynamics.advance(*pair)


@pytest.mark.usefixtures("unchecked")
def test_shapes_that_do_not_fit_are_refused():
    dynamics = MujocoDynamics([slide(), slide()])
    states, actions = torch.zeros(2, 2), torch.zeros(2, 3, 4, 1)
    for wrong in (states[:1], states[:, :1], states[0]):
        with pytest.raises(InputError, match=r"\(E, S\) = \(2, 2\)"):
            dynamics.rollout(wrong, actions)
    for wrong in (actions[:1], actions[..., :0], actions[:, 0], actions.repeat(1, 1, 1, 2)):
        with pytest.raises(InputError, match="E = 2 and A = 1"):
            dynamics.rollout(states, wrong)
    for pair in ((states.long(), actions), (states, actions.long())):
        with pytest.raises(InputError, match="float"):
            dynamics.rollout(*pair)


def test_models_that_cannot_be_simulated_together_are_refused():
    two_geoms = mujoco.MjModel.from_xml_string(
        '<mujoco><worldbody><geom size="1"/><geom size="2"/></worldbody></mujoco>'
    )
    with pytest.raises(InputError, match="Model 1 has other sizes"):
        MujocoDynamics([slide(), two_geoms])
    with pytest.raises(InputError, match="no models"):
        MujocoDynamics([])
    delayed = slide(actuator='<motor joint="x" nsample="4" delay="0.02"/>')
    with pytest.raises(InputError, match="delays"):
        MujocoDynamics([delayed])


@pytest.mark.parametrize(
    "setting",
    [
        {"frame_skip": 0},
        {"threads": 0},
        {"position_bound": -1.0},
        {"velocity_bound": np.ones(2)},
        {"velocity_bound": float("nan")},
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_settings_out_of_range_are_refused_by_name(setting):
    with pytest.raises(InputError, match=next(iter(setting))):
        MujocoDynamics([slide()], **setting)


def test_environments_of_several_classes_have_no_dynamics_in_common():
    class Other(hyperdyn.envs.make(CHEETAH).unwrapped.__class__):
        pass

    with pytest.raises(InputError, match="none"):
        true_dynamics([])
    with pytest.raises(InputError, match="CheetahSlope, Other"):
        true_dynamics([hyperdyn.envs.make(CHEETAH).unwrapped, Other()])
    with pytest.raises(InputError, match="reset"):
        true_dynamics([hyperdyn.envs.make(CHEETAH).unwrapped])
