"""Object pushing: models made from a look and a few pushes, re-made as the object turns."""

from hyperdyn.pushing.config import KINDS as KINDS
from hyperdyn.pushing.config import PushingConfig as PushingConfig
from hyperdyn.pushing.dynamics import PushingDynamics as PushingDynamics
from hyperdyn.pushing.generator import PushingGenerator as PushingGenerator
from hyperdyn.pushing.generator import Seen as Seen
from hyperdyn.pushing.interactions import Interactions as Interactions
from hyperdyn.pushing.interactions import Truth as Truth
from hyperdyn.pushing.predictor import Predictor as Predictor
from hyperdyn.pushing.predictor import Watched as Watched
from hyperdyn.pushing.state import STATE_SPACE as STATE_SPACE
from hyperdyn.pushing.storage import load_pusher as load_pusher
from hyperdyn.pushing.storage import pusher_folder as pusher_folder
from hyperdyn.pushing.storage import save_pusher as save_pusher
from hyperdyn.pushing.storage import with_fresh_shapes as with_fresh_shapes
from hyperdyn.pushing.turning import Angle as Angle
from hyperdyn.pushing.turning import Encoded as Encoded
from hyperdyn.pushing.turning import Looked as Looked
from hyperdyn.pushing.visual_storage import load_visual_encoder as load_visual_encoder
from hyperdyn.pushing.visual_storage import save_visual_encoder as save_visual_encoder
