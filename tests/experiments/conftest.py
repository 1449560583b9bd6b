"""What the tests of experiments share: single precision, as runs have, and a time of start."""

import datetime

import pytest

from utilityFunctions import theano


@pytest.fixture(autouse=True)
def singlePrecision():
    with theano.config.change_flags(floatX="float32"):
        yield


@pytest.fixture
def started():
    return datetime.datetime.now(datetime.timezone.utc)
