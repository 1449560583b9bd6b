"""What several tests of probes set for their time."""

import pytest

from utilityFunctions import theano


@pytest.fixture
def doublePrecision():
    with theano.config.change_flags(floatX="float64"):
        yield
