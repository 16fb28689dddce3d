"""Sampling-based planning for many systems at once, through any `Dynamics`."""

from hyperdyn.planners.box import ActionBox as ActionBox
from hyperdyn.planners.cem import CEM as CEM
from hyperdyn.planners.icem import ICEM as ICEM
from hyperdyn.planners.mixture import Mixture as Mixture
from hyperdyn.planners.mixture import Share as Share
from hyperdyn.planners.mpc import MPC as MPC
from hyperdyn.planners.mppi import MPPI as MPPI
from hyperdyn.planners.objectives import ControlCost as ControlCost
from hyperdyn.planners.objectives import ForwardVelocity as ForwardVelocity
from hyperdyn.planners.objectives import Objective as Objective
from hyperdyn.planners.objectives import ObjectiveFunction as ObjectiveFunction
from hyperdyn.planners.objectives import SmoothnessCost as SmoothnessCost
from hyperdyn.planners.plan import Dropped as Dropped
from hyperdyn.planners.plan import Plan as Plan
from hyperdyn.planners.plan import PlanStatus as PlanStatus
from hyperdyn.planners.planner import Planner as Planner
from hyperdyn.planners.policy import PolicyProposal as PolicyProposal
from hyperdyn.planners.proposals import ColouredNoise as ColouredNoise
from hyperdyn.planners.proposals import Gaussian as Gaussian
from hyperdyn.planners.proposals import Proposal as Proposal
from hyperdyn.planners.proposals import SplineKnots as SplineKnots
from hyperdyn.planners.proposals import Uniform as Uniform
from hyperdyn.planners.random_shooting import RandomShooting as RandomShooting
from hyperdyn.planners.state_objectives import GoalPosition as GoalPosition
from hyperdyn.planners.state_objectives import StateBox as StateBox
from hyperdyn.planners.state_objectives import Terminal as Terminal
