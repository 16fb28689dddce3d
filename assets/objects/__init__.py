"""Things to push: 31 packaged objects, and a loader for meshes of your own."""

from hyperdyn.assets.objects.catalogue import OBJECTS as OBJECTS
from hyperdyn.assets.objects.catalogue import Design as Design
from hyperdyn.assets.objects.catalogue import ObjectSpec as ObjectSpec
from hyperdyn.assets.objects.catalogue import build as build
from hyperdyn.assets.objects.catalogue import load_object as load_object
from hyperdyn.assets.objects.errors import MeshError as MeshError
from hyperdyn.assets.objects.errors import MeshFileError as MeshFileError
from hyperdyn.assets.objects.errors import MeshGeometryError as MeshGeometryError
from hyperdyn.assets.objects.errors import MeshLimitError as MeshLimitError
from hyperdyn.assets.objects.errors import MeshPathError as MeshPathError
from hyperdyn.assets.objects.limits import MeshLimits as MeshLimits
from hyperdyn.assets.objects.limits import Treatment as Treatment
from hyperdyn.assets.objects.loader import load_mesh_object as load_mesh_object
from hyperdyn.assets.objects.push_object import PushObject as PushObject
from hyperdyn.assets.objects.splits import TEST_IDS as TEST_IDS
from hyperdyn.assets.objects.splits import TRAINING_IDS as TRAINING_IDS
from hyperdyn.assets.objects.variations import varied_object as varied_object
