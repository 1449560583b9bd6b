"""The checker: every entry of initD passes it, and what breaks one promise is told so."""

import dataclasses
import functools
import math
import re

import numpy as np
import pytest

from utilityFunctions import floatX, sharedVar, theano
from initialisations import initD, register, unregister
from initialising.promises import InitialisationError, check_initialisation
from initialising.promises.table import PROMISES
from initialising.promises.trial import SEED
from lookslinear import initializers
from lookslinear.sampling.threads import num_threads

(
    REFUSALS, SHAPES, CLAIMED, LAW, BIAS, FORMULA, EQUAL, OTHER, GLOBAL, THREADS, OWN, UNKNOWN, BAD,
    SEEDS,
) = PROMISES  # fmt: skip


#: Options of some entries' own, and shared ones that change what is drawn.
FURTHER = {
    "glorotNormal": [{"groups": 2, "activation": "tanh"}, {"perBlock": 4, "mirror": True}],
    "heUniform": [{"activation": "gelu"}, {"gain": 0.5}],
    "orthogonal": [{"rescale": "suo"}, {"pooling": True}, {"perBlock": 4}, {"groups": 2}],
    "looksLinear": [
        {"layer": "first"},
        {"layer": "last", "activation": "relu"},
        {"activation": "relu", "blocks": "normal"},
        {"activation": "relu", "mirror": True},
    ],
    "siren": [{"layer": "first"}, {"w0": 10.0}],
    "kaimingNormal": [{"mode": "fan_out"}, {"a": 0.5}, {"nonlinearity": "tanh"}],
    "icnr": [{"around": "orthogonal"}, {"factor": 1}],
    "randomNormal": [{"stddev": 0.5}, {"mean": 3.0}],
}


@pytest.mark.parametrize("name", sorted(initD))
def test_every_entry_keeps_all_promises(name):
    assert check_initialisation(name, options=FURTHER.get(name, ()))


class Mutant:
    """He's initialisation with one thing broken."""

    base = initD["heNormal"]
    __name__ = "mutant"

    def __call__(self, inputShape, outputShape, rng=None, **options):
        return self.base(inputShape, outputShape, rng=rng, **options)

    def law(self, inputShape, outputShape, **options):
        return self.base.law(inputShape, outputShape, **options)


def shared(weight, bias):
    pattern = tuple(axis != 1 for axis in range(bias.ndim))
    return [sharedVar(weight), sharedVar(bias, broadcastable=pattern)]


class Changed(Mutant):
    """What the function of a weight and a bias makes of He's."""

    def __init__(self, change):
        self.change = change

    def __call__(self, inputShape, outputShape, **options):
        weight, bias = super().__call__(inputShape, outputShape, **options)
        return shared(*self.change(weight.get_value(), bias.get_value()))


class OtherVariance(Changed):
    def __init__(self):
        super().__init__(lambda weight, bias: (weight * weight.dtype.type(2**0.5), bias))


class OtherBias(Mutant):
    """PyTorch's, of half the size that the law claims."""

    base = initD["torchDefaultUniform"]

    def __call__(self, inputShape, outputShape, **options):
        weight, bias = super().__call__(inputShape, outputShape, **options)
        bias.set_value(bias.get_value() * bias.get_value().dtype.type(0.5))
        return weight, bias

    def biasLaw(self, inputShape, outputShape, **options):
        return self.base.biasLaw(inputShape, outputShape, **options)


class Doubles(Mutant):
    """Double precision, whatever floatX is."""

    def __call__(self, inputShape, outputShape, **options):
        weight, bias = super().__call__(inputShape, outputShape, **options)
        pattern = bias.broadcastable
        return [
            theano.shared(weight.get_value().astype(float)),
            theano.shared(bias.get_value().astype(float), broadcastable=pattern),
        ]


class Seedless(Mutant):
    def __call__(self, inputShape, outputShape, rng=None, **options):
        return super().__call__(inputShape, outputShape, rng=None, **options)


class OneSeed(Mutant):
    def __call__(self, inputShape, outputShape, rng=None, **options):
        return super().__call__(inputShape, outputShape, rng=1, **options)


class Swallowing(Mutant):
    def __call__(self, inputShape, outputShape, **options):
        options.pop("miror", None)
        return super().__call__(inputShape, outputShape, **options)


class Global(Mutant):
    """What many scripts do: the global stream is seeded, and drawn from."""

    def __call__(self, inputShape, outputShape, rng=None, **options):
        made = super().__call__(inputShape, outputShape, rng=rng, **options)
        np.random.seed(rng if isinstance(rng, int) else None)  # noqa: NPY002
        return made


class HalfMissing(Mutant):
    """The law is mirrored, and what is drawn is whole."""

    def __call__(self, inputShape, outputShape, mirror=False, **options):
        drawn = super().__call__(inputShape, outputShape, mirror=mirror, **options)
        if mirror is True:
            drawn = super().__call__(inputShape, outputShape, mirror=False, **options)
        return drawn


class MirrorIgnored(Mutant):
    """Neither drawn nor claimed: the option has no effect."""

    def __call__(self, inputShape, outputShape, mirror=False, **options):
        return super().__call__(inputShape, outputShape, **options)

    def law(self, inputShape, outputShape, mirror=False, **options):
        return super().law(inputShape, outputShape, **options)


class SwappedFans(Mutant):
    def law(self, inputShape, outputShape, **options):
        law = super().law(inputShape, outputShape, **options)
        return dataclasses.replace(law, scale=math.sqrt(2 / law.fans.fan_out))


class NarrowLaw(Mutant):
    def law(self, inputShape, outputShape, **options):
        if len(inputShape) == 3:
            raise ValueError("no kernels")
        return super().law(inputShape, outputShape, **options)


class Cached(Mutant):
    """Two calls of one seed get one array."""

    @functools.lru_cache  # noqa: B019
    def made(self, *asked):
        inputShape, outputShape, _, *options = asked
        return super().__call__(inputShape, outputShape, **dict(options))

    def __call__(self, inputShape, outputShape, rng=None, **options):
        if rng != SEED or not isinstance(rng, int):
            return super().__call__(inputShape, outputShape, rng=rng, **options)
        return self.made(inputShape, outputShape, floatX(), ("rng", rng), *options.items())


class ThreadBound(Mutant):
    def __call__(self, inputShape, outputShape, **options):
        drawn = super().__call__(inputShape, outputShape, **options)
        if num_threads() > 1:
            drawn[0].set_value(drawn[0].get_value()[::-1])
        return drawn


class AnyShape(Mutant):
    def __call__(self, inputShape, outputShape, **options):
        inputShape = (3,) if inputShape == (4.0,) else inputShape
        return super().__call__(inputShape, outputShape, **options)


class AnySeed(Mutant):
    def __call__(self, inputShape, outputShape, rng=None, **options):
        return super().__call__(inputShape, outputShape, rng=3 if rng == "3" else rng, **options)


class Unfixed(Mutant):
    base = initD["zeros"]

    def __call__(self, inputShape, outputShape, **options):
        return initD["heNormal"](inputShape, outputShape, **options)


class RawFrames(Mutant):
    """The Q of LAPACK's QR as it comes: its signs are not random."""

    base = initD["orthogonal"]

    def __call__(self, inputShape, outputShape, **options):
        weight, bias = super().__call__(inputShape, outputShape, **options)
        values = weight.get_value()
        if values.ndim == 2 and not options.get("mirror") and values.shape[0] > values.shape[1]:
            frame = np.linalg.qr(values)[0]
            scale = np.linalg.norm(values[:, 0])
            weight.set_value((frame * scale).astype(values.dtype))
        return weight, bias


@pytest.mark.parametrize(
    ("mutant", "claims"),
    [
        (OtherVariance(), {LAW}),
        (Doubles(), {SHAPES, LAW}),
        (Seedless(), {EQUAL, THREADS, SEEDS}),
        (OneSeed(), {OTHER, LAW, SEEDS}),
        (Swallowing(), {UNKNOWN}),
        (Global(), {GLOBAL}),
        (HalfMissing(), {LAW}),
        (MirrorIgnored(), {CLAIMED}),
        (SwappedFans(), {LAW}),
        (NarrowLaw(), {REFUSALS}),
        (Cached(), {OWN}),
        (ThreadBound(), {THREADS}),
        (AnyShape(), {BAD}),
        (AnySeed(), {SEEDS}),
        (RawFrames(), {LAW}),
        (Unfixed(), {REFUSALS, LAW, OTHER}),
        (Changed(lambda weight, bias: (weight.T, bias)), {SHAPES, LAW}),
        (Changed(lambda weight, bias: (weight, bias.ravel()[None])), {SHAPES}),
        (Changed(lambda weight, bias: (weight + np.inf, bias)), {SHAPES, LAW, OTHER}),
        (Changed(lambda weight, bias: (abs(weight), bias)), {LAW}),
        (Changed(lambda weight, bias: (weight, bias + 1)), {BIAS}),
        (OtherBias(), {BIAS}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_broken_is_told(mutant, claims):
    report = check_initialisation(mutant, raising=False)
    assert not report
    assert {claim.words for claim in report.broken} == claims, str(report)
    assert str(report).count("BROKEN") == len(claims)
    with pytest.raises(InitialisationError, match=r"mutant:\nBROKEN"):
        check_initialisation(mutant)


def test_the_mutants_base_is_whole():
    assert check_initialisation(Mutant())


def test_a_formula_that_lies_is_told():
    register("liar", lambda connection, options: connection.law("normal", 0.1), formula="0.011")
    try:
        report = check_initialisation("liar", raising=False)
        assert [claim.words for claim in report.broken] == [FORMULA]
        assert "the formula says 0.011, the law 0.01" in str(report)
    finally:
        unregister("liar")


def test_without_a_law_the_rest_is_tried():
    def mine(shape, dtype=None):
        return np.ones(shape, dtype)

    report = check_initialisation(mine, deterministic=True)
    assert "untried draws what its law claims: it states no law." in str(report)
    with pytest.raises(InitialisationError, match=r"two seeds: 1440 equal entries"):
        check_initialisation(mine)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"stddev": -1.0}, "Received: `?stddev|stddev.*Received"),
        ({"stdev": 1.0}, "unknown option 'stdev'"),
    ],
)
def test_more_options_must_be_taken_for_some_shape(options, reason):
    report = check_initialisation("randomNormal", options=[options], raising=False)
    assert [claim.words for claim in report.broken] == [REFUSALS]
    assert re.search(f"refuses every shape with .*{reason}", str(report)), str(report)


def test_tensor_initialisers_are_taken_as_they_are():
    assert check_initialisation(initializers.HeUniform())
    assert check_initialisation(initializers.Mirrored("orthogonal"))


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ("heNormall", ValueError, r"initialisation 'heNormall'\. Did you mean 'heNormal'"),
        (3, TypeError, "must be a name in initD or a function. Received: 3"),
        (None, TypeError, "must be a name in initD or a function. Received: None"),
    ],
)
def test_what_is_no_initialisation_is_refused(given, kind, message):
    with pytest.raises(kind, match=message):
        check_initialisation(given)


@pytest.mark.parametrize("options", ["gain", {"gain": 2.0}, [("gain", 2.0)], 3])
def test_options_that_are_no_list_of_dictionaries_are_refused(options):
    with pytest.raises(TypeError, match=r"options must be a list of dictionaries.*Received: "):
        check_initialisation("heNormal", options=options)


def test_one_that_refuses_or_fails_everywhere_is_told():
    def never(inputShape, outputShape, rng=None, **options):
        raise ValueError("never")

    def broken(inputShape, outputShape, rng=None, **options):
        return 3

    report = check_initialisation(never, raising=False)
    assert re.search(r"refuses every shape, and first .*: never", str(report))
    report = check_initialisation(broken, raising=False)
    assert "must return [weight, bias], shared variables. Received: 3" in str(report)
