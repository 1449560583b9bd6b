"""The commands on initialisations: the catalogue, what suits a layer, an audit of weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
import tyro
from rich.console import Console

from experiments.auditing import auditFile, auditFrame
from experiments.cataloguePage import writePage
from experiments.conducting import consoleFor, refusals
from experiments.initialisationTables import (
    HEADINGS,
    auditTable,
    catalogueCells,
    catalogueTable,
    suitabilityTable,
)
from experiments.running import refuseUnwritable, replaceText
from experiments.suitability import SHAPE, layerShape, suitability
from lookslinear.catalogue import CATALOGUE

DONE = 0
CsvPath = Annotated[
    Path | None, tyro.conf.arg(metavar="FILE", help="Write the table here too, as CSV.")
]


@dataclass(frozen=True)
class Initialisations:
    """List the catalogue; with --for, by how well each suits a layer."""

    layer: Annotated[
        tuple[str, str, str] | None,
        tyro.conf.arg(
            name="for",
            metavar="INPUT OUTPUT ACTIVATION",
            help=f"Predict each for a layer that reads ACTIVATION of INPUT and writes OUTPUT, each "
            f"{SHAPE}; behind crelu the weight reads twice INPUT's channels.",
        ),
    ] = None
    s: int = 3
    """The side of a kernel, for --for with images."""
    csv: CsvPath = None
    markdown: Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="FILE",
            help="Write the catalogue's page here, such as docs/catalogue.md, and its pictures "
            "into a folder of that name beside it.",
        ),
    ] = None

    def act(self) -> int:
        """Print the table, and return the exit status."""
        console = consoleFor(quiet=False)
        with refusals():
            refuseUnwritable(self.csv, "csv")
            refuseUnwritable(self.markdown, "markdown")
            _refuseNoEnding(self.markdown)
            frame = _predicted(self.layer, self.s)
        console.print(catalogueTable() if frame is None else suitabilityTable(frame))
        _write(_cells() if frame is None else frame, self.csv, console)
        if self.markdown:
            writePage(self.markdown)
            _tell(self.markdown, console)
        return DONE


@dataclass(frozen=True)
class AuditWeights:
    """Say of existing weights which laws they can be draws of, and what they do to variances."""

    file: Annotated[
        tyro.conf.Positional[Path],
        tyro.conf.arg(metavar="FILE", help="A .npz or .safetensors file, such as a state dict."),
    ]
    layout: str = "theano"
    """How weights are stored: theano, dense (in, out) and kernels (out, in, rows, columns); keras,
    (rows, columns, in, out); torch, (out, in, rows, columns), dense ones too."""
    activation: str = "linear"
    """The activation that each weight is taken to follow."""
    csv: CsvPath = None

    def act(self) -> int:
        """Print the table, and return the exit status."""
        console = consoleFor(quiet=False)
        with refusals():
            refuseUnwritable(self.csv, "csv")
            found = auditFile(self.file, self.layout, self.activation)
        console.print(auditTable(found, self.activation))
        _write(auditFrame(found), self.csv, console)
        return DONE


def _refuseNoEnding(path: Path | None) -> None:
    if path is not None and not path.suffix:  # the folder of its pictures has its name without
        raise ValueError(f"markdown must end in .md. Received: {str(path)!r}.")


def _predicted(layer: tuple[str, str, str] | None, s: int) -> pd.DataFrame | None:
    if layer is None:
        return None
    read, written, name = layer
    return suitability(layerShape(read), layerShape(written), name, s)


def _cells() -> pd.DataFrame:
    return pd.DataFrame([catalogueCells(entry, "; ") for entry in CATALOGUE.values()],
                        columns=list(HEADINGS))  # fmt: skip


def _write(frame: pd.DataFrame, path: Path | None, console: Console) -> None:
    if path:
        replaceText(path, frame.to_csv(index=False))
        _tell(path, console)


def _tell(path: Path, console: Console) -> None:
    console.print(f"Written to {path}", highlight=False, soft_wrap=True)
