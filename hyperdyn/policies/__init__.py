"""Policy generators: a task's specification goes in, the weights of a policy for it come out."""

from hyperdyn.policies.conditioned import Conditioned as Conditioned
from hyperdyn.policies.config import PolicyConfig as PolicyConfig
from hyperdyn.policies.generated import GeneratedPolicy as GeneratedPolicy
from hyperdyn.policies.generator import Demonstrated as Demonstrated
from hyperdyn.policies.generator import PolicyGenerator as PolicyGenerator
from hyperdyn.policies.hyperzero import HyperZero as HyperZero
from hyperdyn.policies.hypogen import HyPoGen as HyPoGen
from hyperdyn.policies.hypogen import HyPoGenConfig as HyPoGenConfig
from hyperdyn.policies.hypogen import HyPoGenLatent as HyPoGenLatent
from hyperdyn.policies.hypogen import HyPoGenRaw as HyPoGenRaw
from hyperdyn.policies.kinds import POLICIES as POLICIES
from hyperdyn.policies.kinds import build_policy_generator as build_policy_generator
from hyperdyn.policies.kinds import load_policy_generator as load_policy_generator
from hyperdyn.policies.meta import MetaConfig as MetaConfig
from hyperdyn.policies.meta import MetaPolicy as MetaPolicy
from hyperdyn.policies.observing import ObservingPolicy as ObservingPolicy
from hyperdyn.policies.pearl import PEARL as PEARL
from hyperdyn.policies.pearl import PEARLConfig as PEARLConfig
from hyperdyn.policies.uvfa import UVFA as UVFA
from hyperdyn.policies.uvfa import UVFAConfig as UVFAConfig
