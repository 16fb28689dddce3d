"""What generated dynamics are compared with: same inputs, same network sizes."""

from hyperdyn.baselines.cadm import CaDM as CaDM
from hyperdyn.baselines.cadm import CaDMConfig as CaDMConfig
from hyperdyn.baselines.direct import Direct as Direct
from hyperdyn.baselines.expert_ensemble import ExpertEnsemble as ExpertEnsemble
from hyperdyn.baselines.expert_ensemble import ExpertsConfig as ExpertsConfig
from hyperdyn.baselines.film import FiLM as FiLM
from hyperdyn.baselines.maml import MAML as MAML
from hyperdyn.baselines.maml import MAMLConfig as MAMLConfig
from hyperdyn.baselines.recurrent import Recurrent as Recurrent
