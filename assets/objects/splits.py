"""Which objects a model may train on, and which it meets for the first time in a test.

HyperDynamics trains on 24 objects and tests on 7 (appendix A.1). Its Figure 3 shows them without
names; its text says that the shapes of the two sets differ and that the third test mug is without
a handle. So three test objects are mugs here, the third without a handle, no training mug is
without one, and each other family and the MIT shapes give one object that has no near twin left
behind: the hexagon, the wedge-shaped camera, the flared bowl, the four-poster bed.
"""

TRAINING_IDS: tuple[str, ...] = (
    "mit-rect1",
    "mit-rect2",
    "mit-rect3",
    "mit-tri1",
    "mit-tri2",
    "mit-tri3",
    "mit-ellip1",
    "mit-ellip2",
    "mit-ellip3",
    "mit-butter",
    "camera-1",
    "camera-2",
    "camera-3",
    "camera-4",
    "mug-1",
    "mug-2",
    "mug-3",
    "mug-4",
    "bowl-1",
    "bowl-2",
    "bowl-3",
    "bed-1",
    "bed-2",
    "bed-3",
)

TEST_IDS: tuple[str, ...] = (
    "mit-hex",
    "camera-5",
    "mug-5",
    "mug-6",
    "mug-7",
    "bowl-4",
    "bed-4",
)
