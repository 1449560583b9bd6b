"""Which code a number comes from: all that it can depend on."""

from experiments.sweeps.origins import CODE
from tests.test_house import HOUSE, ROOMS


def test_theCodeOfEveryRoomCounts():
    assert {name.removesuffix(".py") for name in CODE} == set(ROOMS)
    assert [name for name in CODE if not (HOUSE / name).exists()] == []
