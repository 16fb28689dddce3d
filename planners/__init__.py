"""Sampling-based planning for many systems at once, through any `Dynamics`."""

from hyperdyn.planners.box import ActionBox as ActionBox
from hyperdyn.planners.cem import CEM as CEM
from hyperdyn.planners.mpc import MPC as MPC
from hyperdyn.planners.objectives import ControlCost as ControlCost
from hyperdyn.planners.objectives import ForwardVelocity as ForwardVelocity
from hyperdyn.planners.objectives import Objective as Objective
from hyperdyn.planners.objectives import ObjectiveFunction as ObjectiveFunction
from hyperdyn.planners.plan import Plan as Plan
from hyperdyn.planners.plan import PlanStatus as PlanStatus
from hyperdyn.planners.planner import Planner as Planner
from hyperdyn.planners.proposals import Gaussian as Gaussian
from hyperdyn.planners.proposals import Proposal as Proposal
from hyperdyn.planners.proposals import Uniform as Uniform
from hyperdyn.planners.random_shooting import RandomShooting as RandomShooting
