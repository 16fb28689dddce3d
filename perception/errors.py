"""The errors of perception: each says what was given, what was wanted and how to mend it."""


class PerceptionError(ValueError):
    """Base of every error raised on purpose here; its text is meant for a person."""


class CameraError(PerceptionError):
    """Intrinsics or a pose that no pinhole camera has."""


class DepthError(PerceptionError):
    """A depth image that holds NaN, or nothing measured."""


class NoObjectError(PerceptionError):
    """No object was detected where one is needed."""


class SeveralObjectsError(PerceptionError):
    """More than one object was detected where exactly one is expected."""


class PointCloudError(PerceptionError):
    """A file or array of points that cannot be used."""
