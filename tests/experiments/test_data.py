"""Data: real samples, standardised as stated; files that are no plain numbers are refused."""

import sys
import zipfile

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_sample_images

from experiments.data import loadBatch


def save(folder, **arrays):
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return str(path)


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape)


@pytest.mark.parametrize(
    ("name", "shape"), [("digits", (1, 8, 8)), ("patches", (3, 32, 32)), ("gaussian", (1, 8, 8))]
)
def test_named_data(name, shape):
    x = loadBatch(name, 40, rng=1)
    assert x.shape == (40, *shape)
    assert x.dtype == np.float64
    # Rounding of a mean over at most 123,000 numbers of order 1.
    assert abs(x.mean()) < 1e-12
    assert abs(x.std() - 1) < 1e-12
    np.testing.assert_array_equal(loadBatch(name, 40, rng=1), x)
    assert not np.array_equal(loadBatch(name, 40, rng=2), x)
    assert len(np.unique(x.reshape(40, -1), axis=0)) == 40


def test_digits_are_those_of_the_data_set():
    known = {image.tobytes() for image in load_digits().images}
    assert all(image.tobytes() in known for image in loadBatch("digits", 50, 0, "none")[:, 0])
    whole = loadBatch("digits", 1797, 0, "none")[:, 0]
    assert {image.tobytes() for image in whole} == known


def test_patches_are_cut_from_the_photographs():
    pages = [page.transpose(2, 0, 1) for page in load_sample_images().images]
    for patch in loadBatch("patches", 4, 0, "none"):
        assert any(
            np.array_equal(page[:, row : row + 32, column : column + 32], patch)
            for page in pages
            for row, column in np.argwhere((page[:, :-31, :-31] == patch[:, :1, :1]).all(axis=0))
        )


def test_standardisations(tmp_path):
    x = 3 + 2 * normal(30, 5)
    x[:, 2] = 7  # a feature that never changes
    path = save(tmp_path, x=x)
    np.testing.assert_array_equal(np.sort(loadBatch(path, 30, 0, "none"), 0), np.sort(x, 0))
    whole = loadBatch(path, 30, 0, "global")
    np.testing.assert_allclose(np.sort(whole, 0), np.sort((x - x.mean()) / x.std(), 0), atol=1e-12)
    each = loadBatch(path, 30, 0, "feature")
    np.testing.assert_allclose(each.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(each.std(axis=0), [1, 1, 0, 1, 1], atol=1e-12)
    with pytest.raises(ValueError, match=r"unknown standardise 'globl'\. Did you mean 'global'"):
        loadBatch(path, 30, 0, "globl")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((20, 5), (5,)), ((20, 4, 5), (1, 4, 5)), ((20, 2, 4, 5), (2, 4, 5)), ((20, 1), (1,))],
)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8", "uint64", "bool"])
def test_files(tmp_path, shape, expected, dtype):
    numbers = abs(10 * normal(*shape))
    numbers = numbers > 5 if dtype == "bool" else numbers.astype(dtype)
    path = save(tmp_path, x=numbers, other=np.ones(3))
    assert loadBatch(path, 20, 0).shape == (20, *expected)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.array([[1, None], [2, "a"]], dtype=object), "Object arrays cannot be loaded"),
        (np.where(normal(9, 9) > 1, np.nan, 1.0), "must be finite. Received: .* NaN or infinite"),
        (np.full((3, 3), np.inf), "must be finite. Received: 9 NaN or infinite"),
        (np.float64(3), r"must be \(samples, n\).*Received: shape \(\)"),
        (normal(9), r"must be \(samples, n\).*Received: shape \(9,\)"),
        (normal(3, 2, 2, 2, 2), r"must be \(samples, n\).*Received: shape \(3, 2, 2, 2, 2\)"),
        (np.ones((0, 4)), r"none of them zero. Received: shape \(0, 4\)"),
        (np.ones((4, 0)), r"none of them zero. Received: shape \(4, 0\)"),
        (normal(9, 9) + 1j, "must be real numbers. Received: dtype complex128"),
        (np.array([["a", "b"]]), "must be real numbers. Received: dtype <U1"),
        (np.zeros((9, 9), "datetime64[s]"), "must be real numbers. Received: dtype datetime64"),
        (np.ones((9, 9)), "must vary. Received: 2 samples, all 1.0"),
    ],
    ids=str,
)
def test_arrays_that_cannot_be_sent(tmp_path, x, message):
    path = save(tmp_path, x=x)
    with pytest.raises(ValueError, match=message) as error:
        loadBatch(path, 2, 0)
    assert "data.npz" in str(error.value)


@pytest.mark.parametrize("standardise", ["global", "feature", "none"])
@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_numbers_that_single_precision_cannot_square(tmp_path, standardise, scale):
    path = save(tmp_path, x=scale * normal(9, 9))
    with pytest.raises(
        ValueError, match=r"mean square between 1e-30 and 1e\+30. Received: (0|inf)"
    ):
        loadBatch(path, 9, 0, standardise)


def test_one_sample_has_nothing_left_when_features_are_standardised():
    with pytest.raises(ValueError, match=r"'digits' with standardise='feature'.*Received: 0"):
        loadBatch("digits", 1, 0, "feature")


def test_files_without_x_or_without_numbers(tmp_path):
    with pytest.raises(ValueError, match=r"must hold an array 'x'. Received: \['y', 'z'\]"):
        loadBatch(save(tmp_path, y=normal(3, 3), z=normal(3)), 2, 0)
    with pytest.raises(ValueError, match=r"'nowhere\.npz' is not there"):
        loadBatch("nowhere.npz", 2, 0)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(ValueError, match="is not there"):
        loadBatch(str(tmp_path / "folder.npz"), 2, 0)


def damaged(kind, path):
    good = path.with_name("good.npz")
    np.savez_compressed(good, x=normal(30, 30))
    whole = bytearray(good.read_bytes())
    if kind == "empty":
        return b""
    if kind == "text":
        return b"x = 1, 2, 3\n"
    if kind == "half":
        return bytes(whole[: len(whole) // 2])
    if kind == "npy":
        np.save(path.with_name("one.npy"), normal(3, 3))
        return path.with_name("one.npy").read_bytes()
    start = {"overwritten": 200, "overwritten at its start": 60}[kind]
    whole[start : start + 100] = bytes([0xFF] * 100)
    return bytes(whole)


@pytest.mark.parametrize(
    "kind", ["empty", "text", "half", "npy", "overwritten", "overwritten at its start"]
)
def test_damaged_files(tmp_path, kind):
    path = tmp_path / "data.npz"
    path.write_bytes(damaged(kind, path))
    with pytest.raises(ValueError, match=r"data.npz' cannot be read as an \.npz of plain numbers"):
        loadBatch(str(path), 2, 0)


def test_a_pickle_is_not_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was opened",))

    path = save(tmp_path, x=np.array([[Bomb(), 1]], dtype=object))
    with pytest.raises(ValueError, match="refused, since reading them could run code"):
        loadBatch(path, 1, 0)


def test_unknown_names_and_too_large_batches(tmp_path):
    with pytest.raises(ValueError, match=r"data 'digts'. Did you mean 'digits'.*PATH\.npz, digits"):
        loadBatch("digts", 2, 0)
    with pytest.raises(ValueError, match=r"batch must be at most 1797, .*'digits'. Received: 1798"):
        loadBatch("digits", 1798, 0)
    with pytest.raises(ValueError, match=r"batch must be at most 5, .*Received: 6"):
        loadBatch(save(tmp_path, x=normal(5, 3)), 6, 0)


def test_what_is_no_array_is_refused(tmp_path):
    path = tmp_path / "odd.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "hello")
    with pytest.raises(ValueError, match=r"x in .* must be an array. Received: bytes"):
        loadBatch(str(path), 2, rng=0)


@pytest.mark.parametrize(("batch", "kind"), [(0, ValueError), (-1, ValueError), ("4", TypeError)])
def test_a_batch_is_a_whole_number(batch, kind):
    with pytest.raises(kind, match="batch must be"):
        loadBatch("digits", batch, rng=0)


def test_more_patches_than_places_are_refused():
    with pytest.raises(ValueError, match=r"batch must be at most .* 'patches'. Received: 10000000"):
        loadBatch("patches", 10_000_000, rng=0)


@pytest.mark.parametrize(
    ("data", "package"), [("patches", "PIL"), ("patches", "sklearn"), ("digits", "sklearn")]
)
def test_missing_packages_name_the_extra_that_brings_them(monkeypatch, data, package):
    monkeypatch.setitem(sys.modules, package, None)  # its import fails
    with pytest.raises(
        ImportError, match=rf"'{data}' needs .*\. Install them: pip install 'looks-linear\[data\]'"
    ):
        loadBatch(data, 2, rng=0)
