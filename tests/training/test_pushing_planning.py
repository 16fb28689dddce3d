"""What a plan for pushing is made of: candidates, what they are worth, and what is in the way."""

import math
from dataclasses import replace

import pytest
import torch

pytest.importorskip("pybullet")

from hyperdyn.errors import InputError
from hyperdyn.planners import Box, Ensemble, RandomShooting
from hyperdyn.training.pushing.objectives import ReachGoal, Safety
from hyperdyn.training.pushing.planning import PRESETS, Shortened, controller, planned_with
from hyperdyn.training.pushing.proposals import ApproachAndPush, RandomPushes
from hyperdyn.training.pushing.surroundings import (
    Surroundings,
    Way,
    looked_again,
    surroundings_from_boxes,
    surroundings_from_views,
)
from hyperdyn.training.pushing.touch import Stepping, StillUntouched
from tests.training.push_standin import Disc

GOAL = (0.2, 0.0)
OWN = torch.tensor([-0.1, 0.0, 0.03, 0.09, 0.09, 0.06])
WALL = torch.tensor([[0.05, 0.0, 0.03, 0.06, 0.16, 0.06]])
ROOM = {"margin": 0.01, "growth": 0.0, "edge": 0.01}
NOWHERE = torch.zeros(0, 2)
AHEAD = torch.tensor([1.0, 0.0, 0.0]).expand(1, 1, 3, 3)
LOW, HIGH = torch.tensor([-1.0, -1.0, 0.0]), torch.tensor([1.0, 1.0, 0.0])


def state(x=-0.1, y=0.0, rod=(-0.18, 0.0), yaw=0.0):
    given = torch.zeros(1, 16)
    given[0, :2] = torch.tensor([x, y])
    given[0, 5], given[0, 6] = math.sin(yaw / 2), math.cos(yaw / 2)
    given[0, 13:15] = torch.tensor(rod)
    return given


def path(*points, rod=(-0.25, 0.25)):
    """One candidate whose object goes through some points."""
    return torch.stack([state(x, y, rod)[0] for x, y in points])[None, None]


def no_actions(states):
    return torch.zeros(*states.shape[:2], states.shape[2] - 1, 3)


def boxes(others=WALL):
    return surroundings_from_boxes(OWN, others, 0.0)


def worth(objective, *points, **options):
    states = path(*points, **options)
    return float(objective(states, no_actions(states))[0, 0])


def lack(safety, *points, **options):
    states = path(*points, **options)
    return float(safety.violation(states, no_actions(states))[0, 0])


def test_nearer_is_better_and_sooner_is_better_and_nothing_counts_after():
    reach = ReachGoal(goal=GOAL)
    near = worth(reach, (0, 0), (0.05, 0), (0.1, 0))
    assert near > worth(reach, (0, 0), (0.02, 0), (0.05, 0))
    late = worth(reach, (0, 0), (0.1, 0), (0.19, 0))
    there = worth(reach, (0, 0), (0.19, 0), (0.19, 0))
    assert there > late > near
    assert there == worth(reach, (0, 0), (0.19, 0), (0.0, 0.0))  # the episode has ended by then


def test_where_the_object_cannot_be_moved_the_rod_behind_it_is_worth_more():
    reach = ReachGoal(goal=GOAL)
    worths = [
        worth(reach, (0, 0), (0, 0), rod=(0.08 * math.cos(a), 0.08 * math.sin(a)))
        for a in (0.0, 1.0, 2.0, 3.0)
    ]
    assert worths == sorted(worths)
    assert worths[0] < worths[-1]
    assert reach.behind * math.pi < 0.1


def test_the_way_leads_around_what_is_in_it():
    way, free = Way(boxes(), GOAL, **ROOM), Way(boxes(WALL[:0]), GOAL, **ROOM)
    before = torch.tensor([[-0.1, 0.03], [-0.05, 0.2], [0.2, 0.05], [0.2, 0.0]])
    straight = (before - torch.tensor(GOAL)).norm(dim=-1)
    torch.testing.assert_close(free.distance(before), straight, rtol=0.03, atol=0.01)
    assert way.distance(before)[0] > 1.2 * straight[0]
    assert float(way.distance(before)[3]) < 0.01
    assert abs(float(way.heading(before)[0])) > 0.4  # around one of its ends
    assert float(way.heading(before)[2]) == pytest.approx(-math.pi / 2, abs=0.1)
    walked, at = 0.0, before[:1]
    while float((at - torch.tensor(GOAL)).norm()) > 0.02:
        angle = way.heading(at)
        at, walked = at + 0.01 * torch.stack((angle.cos(), angle.sin()), dim=-1), walked + 0.01
        assert float(boxes().distance(at)) > boxes().mean_radius - 0.02
        assert walked < 0.6
    assert walked == pytest.approx(float(way.distance(before)[0]), rel=0.1)


def test_room_is_measured_along_the_whole_push_and_grows_with_it():
    safety = Safety(surroundings=boxes(), goal=GOAL, margin=0.01, growth=0.0)
    assert lack(safety, (-0.1, 0), (-0.1, 0)) == 0
    assert lack(safety, (-0.1, 0), (-0.02, 0)) > 0
    assert lack(safety, (-0.1, -0.2), (-0.1, 0.2)) == 0
    assert lack(safety, (0.05, -0.2), (0.05, 0.2)) > 0.05  # both ends are clear of the wall
    into = path((0.05, 0.2), (0.05, 0.2), rod=(-0.05, 0.0))
    into[..., 1, 13] = 0.05
    assert float(safety.violation(into, no_actions(into))) > 0.02  # the rod runs into it
    assert lack(safety, (0.2, 0.2), (0.29, 0.2)) == pytest.approx(0.01, abs=1e-6)  # off the table
    doubtful = replace(safety, growth=0.5)
    assert lack(doubtful, (0.2, 0.2), (0.29, 0.2)) == pytest.approx(0.055, abs=1e-6)
    sliding = path((0.2, 0.2), (0.29, 0.2))
    sliding[0, 0, 1, 7] = 0.04  # m/s, at the end of the push
    more = float(replace(doubtful, coast=0.5).violation(sliding, no_actions(sliding)))
    assert more == pytest.approx(0.055 + 0.5 * 0.5 * 0.04, abs=1e-6)
    assert lack(doubtful, (0.1, 0.2), (0.1, 0.2)) == lack(safety, (0.1, 0.2), (0.1, 0.2)) == 0
    # What comes after the goal does not count.
    assert lack(safety, (0.2, 0.1), (0.2, 0.01), (0.05, 0.0)) == 0


def views(*shapes):
    """Views from above, 32 pixels over 18 cm, of rectangles (x and y in pixels) in odd places."""
    found = torch.zeros(len(shapes), 32, 32)
    for view, (wide, deep) in zip(found, shapes, strict=True):
        view[4 : 4 + deep, 6 : 6 + wide] = 0.9
    return found


def test_outlines_of_decoded_views_are_put_into_their_boxes_and_turn_with_the_object():
    pixel = 0.18 / 32
    long = torch.tensor([0.0, 0.0, 0.03, 16 * pixel, 6 * pixel, 0.06])
    other = torch.tensor([[0.0, 0.1, 0.03, 8 * pixel, 8 * pixel, 0.06]])
    around = surroundings_from_views(
        long, other, 0.3, views((16, 6), (8, 8)), 0.18, torch.zeros(2), NOWHERE
    )
    reach = around.outline.abs().amax(dim=0) + around.radius
    torch.testing.assert_close(reach, long[3:5] / 2, atol=0.003, rtol=0)
    points = torch.tensor([[0.0, 0.1], [0.0, 0.0], [0.1, 0.1], [0.3, 0.1]])
    box = Box((0.0, 0.1), (4 * pixel, 4 * pixel))
    torch.testing.assert_close(
        around.distance(points)[1:], box.distance(points)[1:], atol=0.006, rtol=0
    )
    assert float(around.distance(points)[0]) < -0.015
    # The long object fits beside the other as it lies, and does not when it is turned across.
    safety = Safety(surroundings=around, goal=GOAL, margin=0.01, growth=0.0)
    for yaw, fits in ((0.3, True), (0.3 + math.pi / 2, False), (0.3 + math.pi, True)):
        there = torch.stack(
            [state(*place, (-0.2, -0.2), yaw) for place in ((0.0, -0.1), (0.0, 0.04))], dim=1
        )[None]
        assert (float(safety.violation(there, no_actions(there))) == 0) == fits


def test_a_view_that_shows_nothing_leaves_the_box():
    around = surroundings_from_views(OWN, WALL, 0.0, torch.zeros(2, 32, 32), 0.18, OWN[:2], NOWHERE)
    points = torch.tensor([[0.2, 0.0], [0.05, 0.2]])
    torch.testing.assert_close(
        around.distance(points), boxes().distance(points), atol=0.006, rtol=0
    )
    with pytest.raises(InputError, match="1 top-down views for 2 boxes"):
        surroundings_from_views(OWN, WALL, 0.0, torch.zeros(1, 32, 32), 0.18, OWN[:2], NOWHERE)


def proposed(proposal, start, n=200, horizon=10, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return proposal.propose(
        Disc(), start, n, horizon=horizon, low=LOW, high=HIGH, generator=generator
    )


def test_random_pushes_are_those_of_the_data():
    actions = proposed(RandomPushes(half_sizes=(0.03, 0.05)), state(), n=2000, horizon=1)
    assert actions.shape == (1, 2000, 1, 3)
    assert (actions[..., 2] == 0).all()
    lengths = 0.06 * actions.norm(dim=-1)
    assert float(lengths.min()) >= 0.03 - 1e-6
    assert float(lengths.max()) <= 0.06 + 1e-6
    assert float(lengths.mean()) == pytest.approx(0.045, abs=0.001)
    angle = torch.atan2(actions[..., 1], actions[..., 0]).abs()
    within = float((angle <= math.atan2(0.05, 0.05) + 1e-6).float().mean())
    assert within == pytest.approx(0.8 + 0.2 / 4, abs=0.03)
    again = proposed(RandomPushes(half_sizes=(0.03, 0.05)), state(), n=2000, horizon=1)
    assert torch.equal(actions, again)


def test_later_random_pushes_still_meet_the_object():
    actions = proposed(RandomPushes(half_sizes=(0.045, 0.045)), state())
    moved = Disc(0.045).rollout(state(), actions)[0, :, :, :2].diff(dim=1).norm(dim=-1)
    assert float((moved[:, 5:] > 0.005).float().mean()) > 0.2


@pytest.mark.parametrize("rod", [(-0.18, 0.0), (-0.02, 0.0), (-0.1, 0.09)])
def test_approaches_come_from_behind_wherever_the_rod_begins(rod):
    around = boxes(WALL[:0])
    proposal = ApproachAndPush(way=Way(around, GOAL, **ROOM), radius=around.mean_radius)
    actions = proposed(proposal, state(rod=rod))
    assert float(actions.norm(dim=-1).max()) <= 1 + 1e-5
    states = Disc(0.045).rollout(state(rod=rod), actions)
    nearest = (states[0, :, :, :2] - torch.tensor(GOAL)).norm(dim=-1).amin(dim=1)
    at_random = proposed(RandomPushes(half_sizes=(0.045, 0.045)), state(rod=rod))
    others = Disc(0.045).rollout(state(rod=rod), at_random)[0, :, :, :2]
    least = (others - torch.tensor(GOAL)).norm(dim=-1).amin(dim=1)
    assert float(nearest.median()) < float(least.median()) - 0.03
    assert float((nearest < 0.25).float().mean()) > 0.5


def reaches(preset, start, others, pushes=20):
    """Whether the planner brings the stand-in home, and the room it left on the way."""
    around = surroundings_from_boxes(OWN, others, 0.0)
    dynamics = Shortened(Disc(0.045))
    mpc = controller(preset, around, GOAL, torch.Generator().manual_seed(0))
    now, room = start, math.inf
    for _ in range(pushes):
        now = dynamics.rollout(now, mpc.act(dynamics, now)[:, None, None])[:, 0, 1]
        room = min(room, float(around.distance(now[0, :2])) - 0.045)
        if float((now[0, :2] - torch.tensor(GOAL)).norm()) < 0.04:
            return True, room
    return False, room


@pytest.mark.parametrize("name", ["paper", "icem"])
def test_a_disc_is_brought_home_on_a_free_table(name):
    home, _ = reaches(PRESETS[name]["free"], state(rod=(-0.1, 0.09)), WALL[:0], pushes=30)
    assert home


@pytest.mark.parametrize("name", sorted(set(PRESETS) - {"paper"}))
def test_every_better_preset_brings_it_around_a_box(name):
    home, room = reaches(PRESETS[name]["obstacles"], state(rod=(-0.02, 0.0)), WALL, pushes=30)
    assert home
    assert room > 0


def test_pushes_are_shortened_as_the_environment_does():
    dynamics = Shortened(Disc())
    long = torch.tensor([1.0, 1.0, 0.5])[None, None, None]
    end = dynamics.rollout(state(rod=(0.2, 0.2)), long)[0, 0, 1, 13:15]
    torch.testing.assert_close(end, torch.full((2,), 0.2 + 0.06 / 2**0.5))
    assert (dynamics.num_systems, dynamics.state_dim, dynamics.action_dim) == (1, 16, 3)


def test_the_way_keeps_off_where_only_short_pushes_are_safe():
    near = torch.tensor([[0.05, 0.16], [0.05, -0.16]])  # beside the ends of the wall
    short, wide = (Way(boxes(), GOAL, **{**ROOM, "growth": growth}) for growth in (0.0, 0.8))
    assert (wide.distance(near) > 1.2 * short.distance(near)).all()
    off = torch.tensor([[0.2, 0.27]])  # by the edge: back in, not along it
    assert abs(float(wide.heading(off)) + math.pi / 2) < 0.3
    free = [Way(boxes(WALL[:0]), GOAL, **{**ROOM, "growth": growth}) for growth in (0.0, 0.8)]
    inside = torch.tensor([[0.05, 0.0], [-0.1, 0.1]])
    assert torch.equal(free[0].distance(inside), free[1].distance(inside))


def test_where_room_lacks_already_it_is_safe_to_stay_and_to_leave():
    safety = Safety(surroundings=boxes(), goal=GOAL, margin=0.01, growth=0.5)
    beside = 0.05 - 0.03 - boxes().radius - 0.005  # 5 mm from the wall
    assert lack(safety, (beside, 0), (beside, 0)) == 0
    assert lack(safety, (beside, 0), (beside - 0.05, 0)) == 0
    assert lack(safety, (beside, 0), (beside + 0.002, 0)) > 0
    assert lack(safety, (beside, 0), (beside, 0.02)) > 0  # it may drift into the wall
    assert lack(safety, (0.2, 0.29), (0.2, 0.25)) == 0
    assert lack(safety, (0.2, 0.29), (0.2, 0.293)) > 0
    assert lack(safety, (-0.1, 0.2), (-0.1, 0.2), rod=(0.04, 0.0)) == 0


def test_what_was_measured_is_in_the_way_or_the_objects_own():
    own, plain = torch.tensor([0.0, 0.0, 0.03, 0.06, 0.06, 0.06]), views((11, 11))
    measured = torch.tensor([[0.045, 0.0], [0.0, -0.2], [0.01, 0.01]])
    bare, told = (
        surroundings_from_views(own, WALL[:0], 0.0, plain, 0.18, torch.zeros(2), points)
        for points in (NOWHERE, measured)
    )
    # Nothing was detected beside the object: one point is its own side, one is something else's.
    assert float(told.outline[:, 0].max()) == pytest.approx(0.045)
    assert float(bare.outline[:, 0].max()) < 0.035
    assert bare.obstacles == ()
    there = torch.tensor([[0.0, -0.2], [0.0, -0.15], [0.045, 0.0]])
    apart = told.distance(there)
    assert float(apart[0]) <= 0
    assert float(apart[1]) == pytest.approx(0.045, abs=0.006)
    assert float(apart[2]) > 0.1
    # What stands beside an obstacle's view widens it.
    wall = torch.tensor([[0.15, 0.0, 0.03, 0.06, 0.06, 0.06]])
    side = torch.tensor([[0.105, 0.0]])
    clouds = (own, wall, 0.0, views((11, 11), (11, 11)), 0.18, torch.zeros(2))
    wider = surroundings_from_views(*clouds, side)
    assert (
        float(wider.distance(side))
        <= 0
        < float(surroundings_from_views(*clouds, NOWHERE).distance(side))
    )
    assert float(wider.outline[:, 0].max()) < 0.035


def test_what_the_arm_hid_is_in_the_way_once_it_is_seen():
    own, plain = torch.tensor([0.0, 0.0, 0.03, 0.06, 0.06, 0.06]), views((11, 11))
    around = surroundings_from_views(own, WALL[:0], 0.0, plain, 0.18, torch.zeros(2), NOWHERE)
    now = state(0.1, 0.0, rod=(0.1, 0.2))
    hidden = torch.tensor([[-0.1, 0.0], [-0.1, 0.005], [-0.1, 0.01]])
    told = looked_again(around, now, hidden)
    assert float(told.distance(hidden).max()) <= 0
    assert float(told.distance(torch.tensor([-0.1, 0.05]))) == pytest.approx(0.0375, abs=0.006)
    assert torch.equal(told.outline, around.outline)
    # It is known by then; and neither the object where it now is, nor the rod, nor a stray point
    # are anything new.
    assert looked_again(told, now, hidden + 0.003) is told
    assert looked_again(around, now, hidden[:2]) is around
    assert looked_again(around, now, now[:, :2].expand(3, 2) + 0.02) is around
    assert looked_again(around, now, now[:, 13:15].expand(3, 2) + 0.01) is around
    both = looked_again(told, now, hidden + torch.tensor([0.0, -0.1]))
    assert len(both.obstacles) == 1
    assert float(both.distance(hidden).max()) <= 0
    assert float(both.distance(hidden - torch.tensor([0.0, 0.1])).max()) <= 0


def test_points_beyond_the_outline_are_so_where_it_lies_now():
    around = replace(boxes(), outline=torch.tensor([[0.05, 0.0], [-0.05, 0.0]]), radius=0.01)
    points = torch.tensor([[0.1, 0.1], [0.1, 0.0]])
    flat, upright = state(0.0, 0.0), state(0.1, 0.0, yaw=math.pi / 2)
    assert float(around.beyond(points, flat[0])[1]) == pytest.approx(0.04, abs=1e-4)
    assert float(around.beyond(points, upright[0])[0]) == pytest.approx(0.04, abs=1e-4)
    assert float(around.beyond(points, upright[0])[1]) < 0


class Drifting(Disc):
    """A disc that drifts 5 mm a push, whatever the rod does."""

    def advance(self, states, actions):
        after = self._next(states, 0.06 * actions[..., :2])
        after[..., 0] += 0.005
        after[..., 7] = 0.005
        return after


def test_an_object_at_rest_moves_only_if_the_rod_comes_near():
    around = boxes(WALL[:0])
    still = StillUntouched(Drifting(0.045), around)
    assert isinstance(still.dynamics, Stepping)
    assert not isinstance(Disc(), Stepping)
    actions = torch.zeros(1, 3, 4, 3)
    actions[0, 0, :, 1] = 1.0  # past it
    actions[0, 1, :, 0] = 1.0  # into it
    start = state(rod=(-0.25, 0.0))
    states = still.rollout(start, actions)
    assert states.shape == (1, 3, 5, 16)
    assert (states[0, (0, 2), :, 0] == -0.1).all()
    assert (states[0, (0, 2), -1, 7] == 0).all()
    torch.testing.assert_close(states[0, 0, -1, 13:15], torch.tensor([-0.25, 0.24]))
    assert float(states[0, 1, -1, 0]) > -0.05
    sliding = start.clone()
    sliding[0, 7] = 0.05
    assert float(still.rollout(sliding, actions)[0, 2, 1, 0]) == pytest.approx(-0.095)
    near = state(rod=(-0.1, around.radius + still.near - 0.004))
    assert float(still.rollout(near, actions)[0, 2, 1, 0]) == pytest.approx(-0.095)


def test_what_is_near_turns_with_the_object():
    pixel = 0.18 / 32
    long = torch.tensor([0.0, 0.0, 0.03, 20 * pixel, 6 * pixel, 0.06])
    around = surroundings_from_views(
        long, WALL[:0], 0.0, views((20, 6)), 0.18, torch.zeros(2), NOWHERE
    )
    still, push = StillUntouched(Drifting(0.045), around), torch.zeros(1, 1, 1, 3)
    for yaw, rod, moves in (
        (0.0, (0.06, 0.0), True),
        (0.0, (0.0, 0.06), False),
        (math.pi / 2, (0.06, 0.0), False),
        (math.pi / 2, (0.0, 0.06), True),
    ):
        states = still.rollout(state(0.0, 0.0, rod, yaw), push)
        assert (float(states[0, 0, 1, 0]) > 0) == moves


def test_only_presets_that_say_so_hold_what_is_not_touched():
    held, free = (
        planned_with(PRESETS[name]["obstacles"], Drifting(), boxes()) for name in ("icem", "paper")
    )
    assert isinstance(held.dynamics, StillUntouched)
    assert isinstance(free.dynamics, Drifting)
    assert isinstance(planned_with(PRESETS["icem"]["free"], Disc(), boxes()).dynamics, Disc)


def test_several_models_are_planned_with_where_the_preset_says_so_and_nowhere_else():
    three, one = PRESETS["icem-three"]["free"], PRESETS["icem"]["free"]
    members = tuple(Disc(slides=slides) for slides in (0.0, 0.3, 0.6))
    planned = planned_with(three, Ensemble(members), boxes())
    pushed = [planned_with(one, member, boxes()).rollout(state(), AHEAD) for member in members]
    torch.testing.assert_close(planned.rollout(state(), AHEAD), torch.stack(pushed).mean(dim=0))
    assert pushed[0][0, 0, -1, 0] < pushed[2][0, 0, -1, 0]
    for planning, dynamics in ((one, Ensemble(members)), (three, Disc())):
        with pytest.raises(InputError, match="models, got"):
            planned_with(planning, dynamics, boxes())


def test_the_rod_is_sent_nowhere_beyond_its_limit():
    far = torch.zeros(1, 1, 3, 3)
    far[..., 1] = 1.0
    rods = Shortened(Disc()).rollout(state(rod=(0.2, 0.25)), far)[0, 0, :, 14]
    torch.testing.assert_close(rods, torch.tensor([0.25, 0.31, 0.32, 0.32]))


def test_the_papers_preset_has_the_papers_numbers():
    free, blocked = PRESETS["paper"]["free"].planner, PRESETS["paper"]["obstacles"].planner
    assert isinstance(free, RandomShooting)
    assert isinstance(blocked, RandomShooting)
    assert (free.samples, free.horizon) == (30, 1)
    assert (blocked.samples, blocked.horizon) == (30, 10)
    assert PRESETS["paper"]["obstacles"].candidates == "data"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: ReachGoal(goal=GOAL, within=0.05), "within must be"),
        (lambda: ApproachAndPush(way=Way(boxes(), GOAL, **ROOM), radius=0.0), "above 0"),
        (
            lambda: ApproachAndPush(way=Way(boxes(), GOAL, **ROOM), radius=0.1, anywhere=2.0),
            "a share",
        ),
    ],
)
def test_numbers_that_cannot_be_are_refused(make, reason):
    with pytest.raises(InputError, match=reason):
        make()


def test_nothing_about_means_infinite_room():
    alone = Surroundings(
        half_sizes=(0.05, 0.05), outline=torch.zeros(1, 2), radius=0.05, yaw=0.0, obstacles=()
    )
    assert float(alone.distance(torch.zeros(2))) == math.inf
    assert lack(Safety(surroundings=alone, goal=GOAL, growth=0.0), (0, 0), (0, 0)) == 0
