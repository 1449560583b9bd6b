"""Refusals: what was wrong, what was received, what is allowed, and the nearest known name."""

import math
import pickle

import numpy as np
import pytest

from lookslinear.errors import (
    NotCoveredError,
    UnknownNameError,
    nearest,
    number_or_infinity,
    positive_number,
    real_number,
    real_numbers,
    squarable_number,
    unknown_name,
    whole_number,
    whole_numbers,
)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("rellu", "Did you mean 'relu'?"),
        ("ORTHOGONAL", "Did you mean 'orthogonal'?"),
        ("glorotnormal", "Did you mean 'glorotNormal'?"),
        ("zebra", ""),
        ("", ""),
        (3, ""),
        (None, ""),
    ],
)
def test_the_nearest_name_is_hinted_at(name, hint):
    assert nearest(name, ["relu", "orthogonal", "glorotNormal"]).strip() == hint


def test_an_unknown_name_is_a_value_error_and_a_key_error():
    error = unknown_name("activation", "rellu", ["tanh", "relu"])
    assert isinstance(error, ValueError)
    assert isinstance(error, KeyError)
    assert str(error) == "unknown activation 'rellu'. Did you mean 'relu'? Known: relu, tanh."
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_not_covered_is_a_value_error():
    assert issubclass(NotCoveredError, ValueError)
    assert not issubclass(NotCoveredError, UnknownNameError)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_of_any_kind_become_ints(value):
    assert type(whole_number(value, "depth")) is int
    assert whole_number(value, "depth", least=3) == 3


@pytest.mark.parametrize("value", [3, 3.5, np.float32(3.5), np.int8(3)])
def test_real_numbers_of_any_kind_become_floats(value):
    assert type(real_number(value, "rho")) is float
    assert real_number(value, "rho") == value


def test_several_whole_numbers_become_a_tuple():
    assert whole_numbers([1, np.int32(2)], "s", (1, 2), "a side or two") == (1, 2)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: whole_number(2.0, "depth"), TypeError, "depth must be a whole.*Received: 2.0"),
        (lambda: whole_number(True, "depth"), TypeError, "depth must be a whole.*Received: True"),
        (lambda: whole_number("3", "depth"), TypeError, "depth must be a whole.*Received: '3'"),
        (lambda: whole_number(None, "depth"), TypeError, "Received: None"),
        (lambda: whole_number(math.nan, "depth"), TypeError, "Received: nan"),
        (lambda: whole_number(-1, "n", least=0), ValueError, "n must be at least 0. Received: -1"),
        (lambda: whole_numbers("33", "s", (2,), "(a, b)"), TypeError, r"s must be \(a, b\).*'33'"),
        (lambda: whole_numbers(3, "s", (2,), "(a, b)"), TypeError, r"s must be \(a, b\).*: 3"),
        (lambda: whole_numbers((), "s", (2,), "(a, b)"), ValueError, r"s must be.*: \(\)"),
        (lambda: whole_numbers((3, 0), "s", (2,), "w"), ValueError, "each number of s.*least 1"),
        (lambda: whole_numbers((3, 1.5), "s", (2,), "w"), TypeError, "each number of s.*1.5"),
        (lambda: real_number("1", "rho"), TypeError, "rho must be a number. Received: '1'"),
        (lambda: real_number(True, "rho"), TypeError, "rho must be a number. Received: True"),
        (lambda: real_number(1j, "rho"), TypeError, "rho must be a number. Received: 1j"),
        (lambda: real_number(math.inf, "rho"), ValueError, "rho must be finite. Received: inf"),
        (lambda: real_number(-2, "rho", least=-1), ValueError, "rho must be at least -1.*: -2"),
    ],
)
def test_bad_numbers_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(
    ("values", "shape"), [(3, ()), (np.float32(2), ()), ([1, 2.5], (2,)), (np.ones((2, 3)), (2, 3))]
)
def test_numbers_become_new_floats(values, shape):
    found = real_numbers(values, "q")
    assert found.shape == shape
    assert found.dtype == float
    assert found is not values
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize(
    "values", [True, [True], "1", ["1"], None, [None], 1j, {}, [[1], [2, 3]], object(), 10**400]
)
def test_what_are_no_numbers_is_refused(values):
    with pytest.raises(TypeError, match="q must be a number or an array of them"):
        real_numbers(values, "q")


@pytest.mark.parametrize("check", [real_number, positive_number, squarable_number])
def test_whole_numbers_beyond_all_floats_are_refused(check):
    with pytest.raises(ValueError, match="q must be finite"):
        check(10**400, "q")


@pytest.mark.parametrize(
    ("value", "kind"), [(-math.inf, TypeError), (math.nan, TypeError), (0, ValueError)]
)
def test_a_count_is_a_whole_number_or_infinite(value, kind):
    assert number_or_infinity(math.inf, "depth") == math.inf
    with pytest.raises(kind, match="depth must be"):
        number_or_infinity(value, "depth")
