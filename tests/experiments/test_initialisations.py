"""The commands on initialisations: the catalogue, its page, what suits a layer, an audit."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from experiments.__main__ import main
from experiments.auditing import candidates, readWeights
from experiments.cataloguePage import pageOf, pictureOf, thumbnail
from experiments.suitability import QUANTITIES, layerShape, suitability
from initialisations import initD, register, unregister
from lookslinear.activations import ACTIVATIONS, Activation
from lookslinear.catalogue import CATALOGUE
from lookslinear.sampling import draw
from tests.oracles import conv2d_oracle

DOCS = Path(__file__).parents[2] / "docs"
AUDITED = Path(__file__).parents[1] / "lookslinear" / "audited"


# The catalogue and its page


def test_the_catalogue_is_listed(capsys, tmp_path):
    path = tmp_path / "catalogue.csv"
    assert main(["initialisations", "--csv", str(path)]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in CATALOGUE)
    table = pd.read_csv(path)
    assert list(table["initialisation"]) == list(CATALOGUE)
    assert "Glorot & Bengio 2010, AISTATS" in table["papers"][0]


def test_the_page_in_the_docs_is_the_one_that_the_catalogue_makes():
    assert (DOCS / "catalogue.md").read_text(encoding="utf-8") == pageOf("catalogue")


def test_the_pages_snippet_runs(capsys):
    [snippet] = re.findall(r"```python\n(.*?)```", pageOf("catalogue"), re.DOTALL)
    try:
        exec(snippet, {})
    finally:
        unregister("tiny")
    printed = capsys.readouterr().out
    assert "kept   draws what its law claims" in printed
    assert "@misc{martens2021," in printed
    assert printed.endswith("True\n")


def test_the_pictures_in_the_docs_are_those_of_the_layers_and_small():
    pictures = {path.name: path.stat().st_size for path in (DOCS / "catalogue").iterdir()}
    layers = [entry for entry in CATALOGUE.values() if entry.kind == "layer"]
    assert set(pictures) == {pictureOf(entry) for entry in layers}
    assert len({name.lower() for name in pictures}) == len(pictures)
    assert sum(pictures.values()) < 400_000
    made = thumbnail(CATALOGUE["orthogonal"])
    assert made.startswith(b"\x89PNG")
    assert made == thumbnail(CATALOGUE["orthogonal"])


def test_the_page_is_written_with_its_pictures(tmp_path, monkeypatch):
    from experiments import cataloguePage

    monkeypatch.setattr(cataloguePage, "thumbnail", lambda entry: entry.name.encode())
    assert main(["initialisations", "--markdown", str(tmp_path / "page.md")]) == 0
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert text == pageOf("page")
    assert (tmp_path / "page" / "heNormal.png").read_bytes() == b"heNormal"
    assert "![heNormal](page/heNormal.png)" in text


# What suits a layer


def measured(name, inputShape, outputShape, activation, options, draws=300):
    """Second moments behind over before, forward and backward: drawn weights, normal inputs."""
    phi, generator = ACTIVATIONS[activation], np.random.default_rng(3)
    units = inputShape[0]
    read = (2 * units if phi.doubles else units, *inputShape[1:])
    law = initD[name].law(read, outputShape, **options)
    forward, backward = [], []
    for seed in range(draws):
        weight = draw(law, seed).astype(float)
        h = generator.normal(size=(1, *inputShape))
        behind = phi.function(h)
        if len(inputShape) == 1:
            forward.append(np.mean((behind @ weight) ** 2))
            back = (generator.normal(size=(1, *outputShape)) @ weight.T) * phi.derivative(h)
            back = back[:, :units] + back[:, units:] if phi.doubles else back
            backward.append(np.mean(back**2))
        else:
            forward.append(np.mean(conv2d_oracle(behind, weight, padding=(1, 1)) ** 2))
    return np.array(forward), np.array(backward)


@pytest.mark.parametrize(
    ("name", "inputShape", "outputShape", "activation", "options"),
    [
        ("heUniform", (24,), (60,), "relu", {}),
        ("glorotNormal", (60,), (24,), "tanh", {}),
        ("orthogonal", (24,), (10,), "crelu", {"mirror": True}),
        ("lecunUniform", (24,), (10,), "crelu", {}),
    ],
)
def test_predicted_gains_are_what_is_measured(name, inputShape, outputShape, activation, options):
    table = suitability(inputShape, outputShape, activation).set_index("arm")
    row = table.loc["+".join([name, *options])]
    found = measured(name, inputShape, outputShape, activation, options)
    for gain, samples in zip(QUANTITIES, found, strict=False):
        error = samples.std(ddof=1) / math.sqrt(len(samples))
        assert abs(samples.mean() - row[gain]) < 5 * error, gain
        assert abs(samples.mean() - 1.4 * row[gain]) > 5 * error, gain  # the mutant: sqrt(2)


def test_kernels_lose_what_the_border_takes():
    shapes = (4, 6, 6), (7, 6, 6)
    row = suitability(*shapes, "relu").set_index("arm").loc["heNormal"]
    forward, _ = measured("heNormal", *shapes, "relu", {}, draws=200)
    error = forward.std(ddof=1) / math.sqrt(len(forward))
    assert abs(forward.mean() - row["forward_gain"]) < 5 * error
    # Of 9 taps a side of 6 reads (3 * 6 - 2) / (3 * 6) along each axis.
    assert row["forward_gain"] == pytest.approx((16 / 18) ** 2)
    delta = suitability(*shapes, "crelu").set_index("arm").loc["orthogonal+mirror"]
    assert delta["forward_gain"] == pytest.approx(2 * 4 / (4 + 7))


def test_the_best_comes_first_and_what_is_unknown_last_with_its_reason():
    table = suitability((32,), (32,), "crelu")
    assert "orthogonal+mirror" in set(table["arm"][:3])  # entries of the same law are as good
    assert table.loc[0, list(QUANTITIES)].tolist() == pytest.approx([1, 1, 0, 0], abs=1e-12)
    with np.errstate(divide="ignore"):  # a gain of 0 is infinitely far from 1
        distance = np.log(table["forward_gain"]) ** 2 + np.log(table["backward_gain"]) ** 2
    known = distance.dropna()
    assert (np.diff(known[np.isfinite(known)]) > -1e-8).all()
    assert list(distance.index[distance.isna()]) == list(range(len(known), len(table)))
    for name in QUANTITIES:
        assert (table[f"reason_{name}"] != "").equals(table[name].isna())
    he = suitability((32,), (32,), "relu").set_index("arm").loc["heNormal"]
    assert he["forward_drift"] == pytest.approx(-1.651 / 20, abs=1e-4)  # of 20 layers: -1.651


def test_the_table_of_a_layer_is_shown_and_written(capsys, tmp_path):
    path = tmp_path / "layer.csv"
    status = main(["initialisations", "--for", "16x8x8", "16x8x8", "gelu", "--csv", str(path)])
    assert status == 0
    printed = capsys.readouterr().out
    assert "orthogonal" in printed
    assert "(1)" in printed
    assert "1: the exact law of the log norm is known for full dense weights only." in printed
    assert set(pd.read_csv(path)["arm"]) >= {"heNormal", "zeros"}


def test_a_compromise_comes_before_one_that_serves_one_way_alone():
    arms = list(suitability((3, 8, 8), (16, 8, 8), "crelu")["arm"])
    assert arms.index("glorotNormal+mirror") < arms.index("heNormal")
    assert arms.index("glorotNormal+mirror") < arms.index("deltaOrthogonal+mirror")


def test_gains_of_the_activation_are_offered():
    table = suitability((64,), (64,), "tanh").set_index("arm")
    assert table.loc["lecunNormal+activation=tanh", "forward_gain"] == pytest.approx(1)
    assert table.loc["lecunNormal", "forward_gain"] == pytest.approx(0.3943, abs=1e-4)
    cube = Activation("cube", lambda x: x**3, lambda x: 3 * x**2)  # one's own: E z^6 is 15
    table = suitability((8,), (8,), cube).set_index("arm")
    assert table.loc["lecunNormal", "forward_gain"] == pytest.approx(15)
    assert table.loc["lecunNormal+activation=cube", "forward_gain"] == pytest.approx(1)
    assert "lecunNormal+activation=linear" not in suitability((8,), (8,), "linear")["arm"].tolist()


def test_looks_linear_weights_are_predicted_where_units_come_in_pairs():
    table = suitability((32,), (32,), "relu").set_index("arm")
    assert table.loc["looksLinear", list(QUANTITIES)].tolist() == pytest.approx([1, 1, 0, 0])
    assert "only after 'crelu'" in table.loc["mirrored", "reason_forward_gain"]
    # Of an odd number of units, or no whole number of pixels, the row says why it is empty.
    table = suitability((31,), (30,), "relu").set_index("arm")
    assert "even number" in table.loc["looksLinear", "reason_forward_gain"]
    assert "multiple of 4" in table.loc["icnr", "reason_forward_gain"]


@pytest.mark.parametrize(
    ("text", "shape"), [("512", (512,)), ("3x32x16", (3, 32, 16)), ("1", (1,))]
)
def test_shapes_are_spelt(text, shape):
    assert layerShape(text) == shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--for", "x", "3", "relu"], "a shape must be a number of units.*Received: 'x'"),
        (["--for", "3x3", "3", "relu"], "a shape must be a number of units.*Received: '3x3'"),
        (["--for", "0", "3", "relu"], "must be at least 1. Received: 0"),
        (["--for", "4", "4x2x2", "relu"], "inputShape and outputShape must both be"),
        (["--for", "4", "4", "rellu"], "unknown activation 'rellu'. Did you mean 'relu'"),
        (["--for", "4x2x2", "4x2x2", "relu", "--s", "0"], "s must be at least 1"),
        (["--csv", "/no/such/folder/file"], "csv must be a file in a folder that is there"),
        (["--markdown", "/"], "markdown must be a file in a folder that is there"),
        (["--markdown", "/tmp/page"], "markdown must end in .md. Received: '/tmp/page'"),
    ],
)
def test_bad_arguments_are_refused(capsys, arguments, message):
    assert main(["initialisations", *arguments]) == 2
    assert re.search(message, capsys.readouterr().err)


# Audits


def test_a_state_dict_is_audited(capsys, tmp_path):
    path, weights = tmp_path / "weights.safetensors", tmp_path / "audit.csv"
    arrays = readWeights(AUDITED / "torch.npz")
    save_file({name: array for name, array in arrays.items() if array.ndim}, path)
    arguments = [str(path), "--layout", "torch", "--activation", "relu", "--csv", str(weights)]
    assert main(["audit", *arguments]) == 0
    printed = capsys.readouterr().out
    assert "init.kaimingNormal" in printed
    table = pd.read_csv(weights).set_index("name")
    assert "heNormal" in table.loc["init.kaimingNormal", "consistent"].split()
    assert str(table.loc["init.orthogonal", "haar"]) == "True"
    assert "torchDefaultUniform" in table.loc["0.weight", "consistent"].split()


def test_what_layers_of_this_project_draw_is_found():
    laws = candidates()
    for arm in ("glorotNormal+relu", "orthogonal+mirror", "orthogonal", "heUniform+mirror"):
        name, *options = arm.split("+")
        told = dict.fromkeys(options, True)
        from lookslinear.audit import audit

        for shapes in (((40,), (24,)), ((12, 8, 8), (20, 8, 8))):
            weight = initD[name](*shapes, rng=1, **told)[0].get_value()
            [found] = audit({"w": weight}, candidates=laws)
            assert arm in found.consistent
            other = {"glorotNormal+relu": "glorotNormal", "orthogonal": "orthogonal+mirror"}
            assert other.get(arm, "lecunUniform") not in found.consistent


def test_ones_own_initialisation_is_in_the_tables(capsys):
    def mine(inputShape, outputShape, rng=None):
        return initD["heNormal"](inputShape, outputShape, rng=rng)

    def lawOf(inputShape, outputShape):
        return initD["heNormal"].law(inputShape, outputShape)

    register("mine", mine, law=lawOf, words="as he does")
    try:
        assert main(["initialisations"]) == 0
        assert "as he does" in capsys.readouterr().out
        row = suitability((8,), (8,), "relu").set_index("arm").loc["mine"]
        assert "unexpected keyword argument 's'" in row["reason_forward_gain"]
        law = candidates()["mine"]((8, 4), "float64")
        assert (law.dtype, law.variance) == ("float64", pytest.approx(1 / 4))
        with pytest.raises(ValueError, match="unexpected keyword"):
            candidates()["mine+mirror"]((8, 4), "float64")
        with pytest.raises(ValueError, match="unexpected keyword"):
            candidates()["mine"]((8, 4, 3, 3), "float64")
    finally:
        unregister("mine")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", "FILE must be a .npz or .safetensors file. Received: "),
        ("a.npz", b"nothing", "cannot be read: it is no archive of arrays"),
        ("a.safetensors", b"nothing", "cannot be read: "),
        ("none.npz", None, "cannot be read: .*No such file"),
    ],
)
def test_files_that_cannot_be_read_are_refused(capsys, tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert main(["audit", str(path)]) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layout", "tf"], "unknown layout 'tf'"),
        (["--activation", "rellu"], "unknown activation 'rellu'. Did you mean 'relu'"),
        (["--csv", "/no/such/folder/file"], "csv must be a file in a folder that is there"),
    ],
)
def test_bad_options_of_an_audit_are_refused(capsys, arguments, message):
    assert main(["audit", str(AUDITED / "keras.npz"), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_objects_in_an_archive_are_refused(capsys, tmp_path):
    path = tmp_path / "objects.npz"
    np.savez(path, a=np.array([{}], dtype=object))
    assert main(["audit", str(path)]) == 2
    assert "cannot be read: 'a' holds no plain numbers" in capsys.readouterr().err


def test_half_precision_without_a_type_in_numpy_is_refused(capsys, tmp_path):
    told = json.dumps({"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(told).to_bytes(8, "little") + told + bytes(4))
    assert main(["audit", str(path)]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "NumPy has no type for its numbers" in told
    assert "Store float32." in told
