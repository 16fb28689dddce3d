import pytest

import hyperdyn.envs


@pytest.fixture(scope="session")
def gl():
    """Whether this machine can render off-screen."""
    env = hyperdyn.envs.make(hyperdyn.envs.ENV_IDS[0], render_mode="rgb_array")
    env.reset(seed=0)
    try:
        env.render()
    except hyperdyn.envs.RenderingUnavailableError:
        return False
    finally:
        env.close()
    return True
