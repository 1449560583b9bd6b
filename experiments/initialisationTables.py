"""Tables of initialisations for the terminal: the catalogue, what suits a layer, an audit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd
from rich.markup import escape
from rich.table import Table

from experiments.suitability import QUANTITIES
from lookslinear.audit import Audit
from lookslinear.catalogue import CATALOGUE, Entry
from lookslinear.references import REFERENCES

NEEDS = {
    ("layer", False): "shapes",
    ("network", False): "a network",
    ("network", True): "a network and data",
}
HEADINGS = ("initialisation", "its law", "variance", "needs", "papers")


def catalogueCells(entry: Entry, separator: str = "\n") -> tuple[str, ...]:
    """An entry's line of the table.

    Examples
    --------
    >>> catalogueCells(CATALOGUE["heNormal"])[1:4]
    ('independent normal, keeps the second moment through a ReLU', 'b / fan_in', 'shapes')
    """
    keys = (*entry.references, *entry.kernel_references)
    return (
        entry.name,
        entry.words,
        entry.formula or "–",
        NEEDS[entry.kind, entry.needs_data],
        separator.join(REFERENCES[key].cited for key in keys) or "no paper",
    )


def catalogueTable(entries: Iterable[Entry] | None = None) -> Table:
    """All initialisations, one line each."""
    told = CATALOGUE.values() if entries is None else entries
    shown = Table(
        caption="Of layers: names of initD, and classes of lookslinear.initializers whose law is "
        "another. Quantities of the variances: docs/catalogue.md.",
        caption_justify="left",
    )
    for heading in HEADINGS:
        shown.add_column(heading, overflow="fold", no_wrap=heading == HEADINGS[0])
    for entry in told:
        shown.add_row(*map(escape, catalogueCells(entry)))
    return shown


def suitabilityTable(table: pd.DataFrame) -> Table:
    """What `suitability` predicts, with a note for each reason that something is missing."""
    notes: dict[str, int] = {}
    shown = Table(caption_justify="left")
    for heading in (
        "initialisation",
        "gain,\nforward",
        "gain,\nbackward",
        "log drift\na layer, forward",
        "log drift\na layer, backward",
    ):
        first = heading == "initialisation"
        shown.add_column(heading, justify="left" if first else "right", no_wrap=True)
    for _, row in table.iterrows():
        shown.add_row(row["arm"], *(_predicted(row, name, notes) for name in QUANTITIES))
    lines = [f"{number}: {escape(reason)}" for reason, number in notes.items()]
    shown.caption = "\n".join(
        ["Gains: second moments behind over before. Drift: mean natural log, exact.", *lines]
    )
    return shown


def _predicted(row: pd.Series, name: str, notes: dict[str, int]) -> str:
    if not math.isnan(row[name]):
        return f"{row[name]:.4g}" if "gain" in name else f"{round(row[name], 4) + 0.0:.4f}"
    # The same reason is given with each entry's own numbers: one note serves for all.
    reason = row[f"reason_{name}"].partition(" Received:")[0]
    return f"– ({notes.setdefault(reason, len(notes) + 1)})"


def auditTable(found: Sequence[Audit], phi: str) -> Table:
    """What `lookslinear.audit.audit` found."""
    shown = Table(
        caption=f"Gains: second moments behind {escape(phi)} and the weight over before, of "
        f"independent normal numbers. Spread: of squared singular values, over their mean; 0 is "
        f"orthogonal. Mirror: 1 is looks-linear. A law that is not named would look like this less "
        f"often than once in a million.",
        caption_justify="left",
    )
    for heading in ("array", "shape", "can be a draw of", "rms", "spread", "Haar",
                    "mirror\nin, out", "gain\nforward", "gain\nbackward"):  # fmt: skip
        shown.add_column(heading, overflow="fold")
    for one in found:
        named = ", ".join(one.consistent) or "none of the laws"
        said = one.reason if one.kind == "other" else named
        mirrors = f"{_number(one.input_mirror)}, {_number(one.output_mirror)}"
        shown.add_row(
            escape(one.name),
            "x".join(map(str, one.shape)) or "number",
            escape(said),
            _number(one.root_mean_square),
            _number(one.orthogonality),
            {True: "yes", False: "no", None: "–"}[one.haar],
            mirrors if one.kind in ("dense", "kernel") else "–",
            _number(one.forward_gain),
            _number(one.backward_gain),
        )
    return shown


def _number(value: float) -> str:
    # + 0: no sign before a zero.
    return "–" if math.isnan(value) else f"{value + 0.0:.2g}"
