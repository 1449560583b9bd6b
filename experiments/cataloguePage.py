"""docs/catalogue.md, from the catalogue: a table, and a picture of each initialisation drawn."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from experiments.initialisationTables import NEEDS
from experiments.plotting import COLOURS, STYLE
from experiments.running import replaceText
from initialisations import initD
from lookslinear.adapting import law_of
from lookslinear.catalogue import CATALOGUE, QUANTITIES, Entry, own_options
from lookslinear.initializers import CLASSES
from lookslinear.laws import WeightLaw
from lookslinear.references import REFERENCES
from lookslinear.sampling import draw

#: The kernel that is shown, (out, in, rows, columns), and the matrix where there is none.
KERNEL, MATRIX = (8, 8, 3, 3), (24, 24)
#: The matrix of which the histogram is, and the kernel where there is none.
MANY = (128, 128), (40, 40, 3, 3)
SEED = 1
SIZE, DPI = (2.4, 1.05), 100
HEAD = """# Initialisations

Written by `python -m experiments initialisations --markdown docs/catalogue.md`; do not edit.

Each line is an initialisation, its law in words, and the variance of an entry that can be non-zero:
about its mean, and for constants and identities the mean square. Formulas are those of the default
options, but for the quantities named here, which options and shapes give:

{quantities}

Names in camelCase are those of `initD`; a class of `lookslinear.initializers` has an entry of its
own, in capitals, where its law is another. [Where other libraries differ](catalogue-notes.md) is a
page of its own, with both numbers. What each does to second moments in a layer, best first,
and what the weights in a file are (`--layout torch` or `keras` says how they are stored):

    python -m experiments initialisations --for 512 512 relu
    python -m experiments audit weights.safetensors --layout torch --activation relu

Your own initialisation becomes one of them, for layers, for arms of experiments and for these
tables, and is held to its law over shapes, dtypes, options, seeds and threads:

```python
from layers import FC, Representation
from lookslinear.audit import audit
from lookslinear.citing import cite
from promises import check_initialisation
from registering import register


def tiny(connection, options):
    "independent normal, of a hundredth of LeCun's deviation"
    return connection.law("normal", 0.01 * connection.fan_in**-0.5)


register("tiny", tiny, formula="1e-4 / fan_in")
print(check_initialisation("tiny"))  # a line for each promise; raises if one is broken

layer = FC(10, initialisation="orthogonal", initKWArgs={{"rescale": "suo"}})
network = layer(Representation((64,)))
print(cite(network))  # the BibTeX of exactly what it used
print(audit({{"weight": network.params[0].get_value()}})[0].haar)  # True: a Haar frame
```

The pictures show one draw: left a kernel of 8 x 8 filters of 3 x 3 taps, input channels from left
to right (of what fills matrices alone, 24 x 24 entries), dark for negative and light for positive;
right how often entries of a 128 x 128 matrix (of what fills kernels alone, of one with 40 x 40
channels) have which size, in units of their root mean square, zeros left out.

## Layers

| | initialisation | its law | variance | options with an effect | papers |
|---|---|---|---|---|---|
"""
NETWORKS = """
## Whole networks

Called with a network, and with data where said; [training.md](training.md) has how.

| initialisation | what it does | needs | papers |
|---|---|---|---|
"""


def writePage(path: Path) -> None:
    """Write the page, and its pictures into a folder of its name without the ending."""
    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    for entry in _layers():
        (folder / pictureOf(entry)).write_bytes(thumbnail(entry))
    replaceText(path, pageOf(folder.name))


def pageOf(folder: str) -> str:
    """The page in Markdown, with pictures from this folder."""
    quantities = "\n".join(f"- `{name}`: {words}" for name, words in QUANTITIES.items())
    head = HEAD.format(quantities=quantities)
    layers = "".join(_layerLine(entry, folder) for entry in _layers())
    networks = [entry for entry in CATALOGUE.values() if entry.kind == "network"]
    lines = "".join(map(_networkLine, networks))
    return head + layers + (NETWORKS + lines if networks else "")


def pictureOf(entry: Entry) -> str:
    """The picture's file; names that differ by a capital alone are one on some file systems."""
    return f"{entry.name}.png" if entry.name in initD else f"class-{entry.name}.png"


def _layers() -> Iterator[Entry]:
    return (entry for entry in CATALOGUE.values() if entry.kind == "layer")


def _layerLine(entry: Entry, folder: str) -> str:
    variance = f"`{entry.formula}`" if entry.formula else "–"
    read = ", ".join(f"`{name}={value:g}`" for name, value in dict(entry.arguments).items())
    alike = [*entry.aliases, *filter(None, [entry.initializer])]
    also = ", ".join(f"`{name}`" for name in alike if name != entry.name)
    return _line(
        f"![{entry.name}]({folder}/{pictureOf(entry)})",
        f"`{entry.name}`" + (f"<br>also {also}" if also else ""),
        entry.words,
        "<br>".join(filter(None, [variance, read])),
        _options(entry),
        _papers(entry),
    )


def _options(entry: Entry) -> str:
    shared, own = (
        ", ".join(f"`{name}`" for name in options)
        for options in (entry.options, own_options(entry))
    )
    return "<br>".join(filter(None, [shared, own and f"its own: {own}"])) or "–"


def _networkLine(entry: Entry) -> str:
    needs = NEEDS[entry.kind, entry.needs_data]
    return _line(f"`{entry.name}`", entry.words, needs, _papers(entry))


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _papers(entry: Entry) -> str:
    found = [REFERENCES[key] for key in (*entry.references, *entry.kernel_references)]
    linked = (f"[{r.cited}]({r.address})" if r.address else r.cited for r in found)
    return "<br>".join(linked) or "no paper"


def thumbnail(entry: Entry) -> bytes:
    """A draw of an initialisation, and the histogram of another, as PNG."""
    with matplotlib.rc_context({**STYLE, "font.size": 6}):
        figure = Figure(figsize=SIZE, layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
        _show(left, _tiled(_drawn(entry, KERNEL, MATRIX)))
        _histogram(right, _drawn(entry, *MANY).ravel())
        stream = io.BytesIO()
        figure.savefig(stream, dpi=DPI, metadata={"Software": None})
    return stream.getvalue()


def _drawn(entry: Entry, *shapes: tuple[int, ...]) -> np.ndarray:
    for shape in shapes:
        try:
            return draw(_law(entry, shape), SEED)
        except ValueError:  # not of this shape
            continue
    return np.zeros(shapes[-1])


def _law(entry: Entry, shape: tuple[int, ...]) -> WeightLaw:
    if entry.name not in initD:
        return law_of(CLASSES[entry.initializer](), shape, "float32")
    if len(shape) == 2:
        return initD[entry.name].law(shape[:1], shape[1:])
    return initD[entry.name].law((shape[1], 8, 8), (shape[0], 8, 8), s=shape[2:])


def _tiled(weight: np.ndarray) -> np.ndarray:
    """A kernel's filters side by side, input channels from left to right, as one image."""
    if weight.ndim == 2:
        return weight
    outputs, inputs, rows, columns = weight.shape
    return weight.transpose(0, 2, 1, 3).reshape(outputs * rows, inputs * columns)


def _show(axes, image: np.ndarray) -> None:
    largest = abs(image).max() or 1.0
    axes.imshow(image, cmap="cividis", vmin=-largest, vmax=largest, interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def _histogram(axes, entries: np.ndarray) -> None:
    kept = entries[entries != 0].astype(float)
    if kept.size:
        axes.hist(kept / np.sqrt(np.mean(kept**2)), np.linspace(-3, 3, 41), color=COLOURS[0])
    axes.set(xlabel="entry / rms", yticks=[], xlim=(-3, 3), xticks=[-2, 0, 2])
    axes.spines[["left", "right", "top"]].set_visible(False)
