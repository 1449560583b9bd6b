"""What several tests of probes set for their time."""

import pytest

from utilityFunctions import theano
from tests.experiments.probes.arranging import WAYS, arranged


@pytest.fixture
def doublePrecision():
    with theano.config.change_flags(floatX="float64"):
        yield


@pytest.fixture(scope="module", params=WAYS)
def arrangement(request):
    """All tests of a module with each way in which matrices of single precision may be arranged."""
    with arranged(request.param):
        yield request.param
