"""Networks of weights that are drawn mirrored to a degree, beside what theory says of them."""

import numpy as np
import pytest

from lookslinear.errors import NotCoveredError
from lookslinear.laws import dense_law
from lookslinear.measures import z_score
from lookslinear.sampling import draw
from lookslinear.theory import (
    Stage,
    backward_second_moments,
    forward_log_norm,
    forward_second_moments,
)
from tests.oracles import crelu_oracle

NETWORKS = 600


def stages_of(family, mirror, gain=1.0):
    inner = dense_law(12, 6, family, gain * 6**-0.5, mirror=mirror)
    last = dense_law(12, 9, family, gain * 0.5, mirror=mirror)
    first = Stage(dense_law(8, 6, "normal", 0.4))
    return [first, Stage(inner, "crelu"), Stage(inner, "crelu"), Stage(last, "crelu")]


def mean_squares(stages, rng):
    """Of the signal after each stage of one network, and of the gradient there."""
    h, signals, weights = np.ones(8), [], [draw(stage.law, rng).astype(float) for stage in stages]
    for l, weight in enumerate(weights):
        h = (crelu_oracle(h[None])[0] if l else h) @ weight
        signals.append(h)
    gradients = [rng.standard_normal(len(h))]
    for signal, weight in zip(signals[-2::-1], weights[:0:-1], strict=True):
        plus, minus = np.split(weight @ gradients[-1], 2)
        gradients.append(np.where(signal > 0, plus, -minus))
    return [[np.mean(v**2) for v in ways] for ways in (signals, gradients[::-1])]


@pytest.mark.parametrize("mirror", [0.4, 0.9])
@pytest.mark.parametrize("family", ["normal", "haar"])
def test_second_moments_do_not_depend_on_the_degree(family, mirror):
    stages, rng = stages_of(family, mirror), np.random.default_rng(1)
    forward, backward = np.swapaxes([mean_squares(stages, rng) for _ in range(NETWORKS)], 0, 1)
    moments = forward_second_moments(stages, 1.0)
    gradients = backward_second_moments(stages, moments)
    assert np.abs(z_score(forward, np.ravel(moments))).max() < 5
    assert np.abs(z_score(backward, np.ravel(gradients))).max() < 5
    # A mutant: the fan in counted after the doubling. 600 networks tell 2 from 1.
    wrong = forward_second_moments(stages_of(family, mirror, gain=2**-0.5), 1.0)
    assert np.abs(z_score(forward[:, 1:], np.ravel(wrong)[1:])).max() > 5
    if family == "normal":
        logs = np.ravel(forward_log_norm(stages, 1.0).mean)
        assert np.abs(z_score(np.log(forward), logs)).max() < 5


def test_the_log_norm_of_partly_mirrored_frames_is_not_covered():
    with pytest.raises(NotCoveredError, match="partly mirrored Haar frames"):
        forward_log_norm(stages_of("haar", 0.5), 1.0)
