"""Policies by the handful: from a task's condition and noise to whole actors (GenHyper)."""

from hyperdyn.genhyper.config import DiffusionConfig as DiffusionConfig
from hyperdyn.genhyper.config import HypFormerConfig as HypFormerConfig
from hyperdyn.genhyper.config import HypLatentConfig as HypLatentConfig
from hyperdyn.genhyper.config import RefinerConfig as RefinerConfig
from hyperdyn.genhyper.config import SamplerConfig as SamplerConfig
from hyperdyn.genhyper.diffusion import Diffusion as Diffusion
from hyperdyn.genhyper.diversity import behaviour_spread as behaviour_spread
from hyperdyn.genhyper.diversity import return_spread as return_spread
from hyperdyn.genhyper.embedding import Behaviour as Behaviour
from hyperdyn.genhyper.embedding import BehaviourEmbedding as BehaviourEmbedding
from hyperdyn.genhyper.embedding import EmbeddingConfig as EmbeddingConfig
from hyperdyn.genhyper.hypformer import HypFormer as HypFormer
from hyperdyn.genhyper.hyplatent import HypLatent as HypLatent
from hyperdyn.genhyper.kinds import load_sampler as load_sampler
from hyperdyn.genhyper.regression import Regression as Regression
from hyperdyn.genhyper.sampler import CodeSampler as CodeSampler
from hyperdyn.genhyper.sampler import PolicySampler as PolicySampler
from hyperdyn.genhyper.sampler import mean_policies as mean_policies
from hyperdyn.genhyper.samplers import SAMPLERS as SAMPLERS
from hyperdyn.genhyper.samplers import build_sampler as build_sampler
