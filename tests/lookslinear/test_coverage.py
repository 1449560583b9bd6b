"""What theory does not cover it refuses, and says why."""

import pytest

from lookslinear.fans import Axes
from lookslinear.laws import WeightLaw, dense_law, entries_law
from lookslinear.theory import NotCoveredError, Stage


@pytest.mark.parametrize(
    ("law", "message"),
    [
        (dense_law(8, 4, "normal", 0.5, mean=0.1), "weights with a mean.*Received: mean 0.1"),
        (dense_law(4, 8, "repeated_identity", 1.0), "repeated identity.*not predicted"),
        (entries_law((8,), "normal", 0.5), r"one input and one output axis.*input=\(\)"),
        (WeightLaw((8, 2, 3), Axes(0, (1, 2)), "normal", 0.5), r"one input.*output=\(1, 2\)"),
        (WeightLaw((8, 2, 3), Axes(1, 2, batch=(0,)), "normal", 0.5), r"one input.*batch=\(0,\)"),
    ],
    ids=["mean", "repeated identity", "vector", "several axes", "batch"],
)
def test_laws_without_a_formula_are_refused(law, message):
    with pytest.raises(NotCoveredError, match=message):
        Stage(law)
