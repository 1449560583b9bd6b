"""The published theorems, against the counting rule multiplied out and the numbers in print."""

import math

import numpy as np
import pytest

from lookslinear.theory import paper_correlation, paper_covariance, paper_variance


def counted(net, depth, skip=1.0, scale=1.0):
    """Variance and covariance block by block: a unit is active on 1/2, a pair on 1/4."""
    variance = covariance = moment = 1.0
    for _ in range(depth):
        # The variance of a weight is 2 / n, of n units.
        branch = scale**2 / (moment if net.startswith("normalised") else 1.0)
        kept = 0.0 if net == "plain" else skip**2
        variance *= kept + branch * 2 * (1 / 2)
        covariance *= kept + branch * 2 * (1 / 4)
        moment += scale**2
    return variance, covariance


@pytest.mark.parametrize(
    ("net", "factors"),
    [
        ("plain", {}),
        ("residual", {}),
        ("residual", {"skip": 0.8, "scale": 0.3}),
        ("normalised residual", {}),
        ("normalised residual", {"scale": 0.1}),
        ("normalised residual", {"scale": 3.0}),
        ("normalised residual", {"scale": 0.0}),
    ],
)
def test_theorems_are_the_counting_rule_multiplied_out(net, factors):
    depths = [0, 1, 2, 5, 50]
    expected = np.array([counted(net, depth, **factors) for depth in depths]).T
    np.testing.assert_allclose(paper_variance(net, depths, **factors), expected[0])
    np.testing.assert_allclose(paper_covariance(net, depths, **factors), expected[1])
    np.testing.assert_allclose(paper_correlation(net, depths, **factors), expected[1] / expected[0])


def test_the_products_approach_the_asymptotic_forms_in_print():
    depth = 10**6
    assert paper_variance("normalised residual", depth) / depth == pytest.approx(1, rel=1e-5)
    # Gamma(1) / Gamma(3/2) sqrt(L), of which ~ sqrt(L) is in print.
    covariance = paper_covariance("normalised residual", depth) / math.sqrt(depth)
    assert covariance == pytest.approx(2 / math.sqrt(math.pi), rel=1e-5)
    # Sums with g^2 = 1 / L do not decorrelate at depth.
    kept = paper_correlation("residual", depth, math.sqrt(1 - 1 / depth), math.sqrt(1 / depth))
    assert kept == pytest.approx(math.exp(-0.5), rel=1e-5)


def test_no_depth_overflows():
    assert paper_correlation("residual", 10_000) == 0.75**10_000
    assert 0 < paper_correlation("normalised residual", 10**12, scale=0.1) < 1


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("plane", 3), ValueError, "unknown net 'plane'. Did you mean 'plain'"),
        (("plain", -1), ValueError, "depth must be at least 0. Received: -1"),
        (("plain", [1, 2.5]), TypeError, "depth must be a whole number"),
        (("plain", 3, 1.0, 0.5), ValueError, "plain ones no scale.*scale 0.5"),
        (("normalised residual", 3, 0.5), ValueError, "only 'residual' nets have a skip.*skip 0.5"),
        (("residual", 3, 0, 0), ValueError, "must not both be 0"),
        (("residual", 3, "1"), TypeError, "skip must be a number"),
        (("residual", 3, 1e200), ValueError, "skip and its square must be finite"),
        (("plain", [[1, 2], [3]]), TypeError, "depth must be a number or an array"),
        (("plain", "3"), TypeError, "depth must be a number or an array of them. Received: '3'"),
    ],
)
def test_bad_arguments_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        paper_variance(*arguments)


def test_branches_that_are_lost_to_rounding_change_nothing():
    assert paper_correlation("normalised residual", 50, scale=1e-160) == 1
