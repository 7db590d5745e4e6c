import numpy as np
import pytest

from tests.support import explained as networks


@pytest.fixture(scope="module")
def oracle():
    return networks.load_oracle()


@pytest.fixture(scope="module")
def explained(oracle):
    return networks.oracle_network(oracle)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((5, 12, 12, 3), dtype="float32")


@pytest.fixture(scope="module")
def small():
    """Return a network that no test changes, so that each way to look at it compiles once."""
    return networks.chain()
