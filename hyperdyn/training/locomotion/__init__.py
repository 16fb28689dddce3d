"""The locomotion study: every model on every task, and the tables and figures made from them."""

from hyperdyn.training.locomotion.runs import Run as Run
from hyperdyn.training.locomotion.runs import finished_runs as finished_runs
from hyperdyn.training.locomotion.runs import train_runs as train_runs
from hyperdyn.training.locomotion.study import LocomotionStudy as LocomotionStudy
from hyperdyn.training.locomotion.tables import locomotion_tables as locomotion_tables
