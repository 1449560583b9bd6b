"""Pages of HTML, (name of a template) -> a template, filled in by those who know what it shows."""

from __future__ import annotations

from pathlib import Path

import jinja2
import numpy as np

from training.display import counted

_FORMATS = {"measured": ".5g", "standard_error": ".2g", "predicted": ".5g", "z": ".1f"}


def template(name: str) -> jinja2.Template:
    """A file of templates/, which escapes what it is given and refuses what it is not given.

    Examples
    --------
    >>> template("index.html").name
    'index.html'
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["counted"] = counted
    environment.filters["score"] = lambda z: shownNumber("z", z)
    return environment.get_template(name)


def shownNumber(name: str, value: object) -> str:
    """What a table shows of a value in the column of this name.

    Examples
    --------
    >>> shownNumber("measured", 1 / 3), shownNumber("z", float("nan")), shownNumber("arm", "he")
    ('0.33333', '–', 'he')
    """
    if isinstance(value, float):
        return "–" if np.isnan(value) else format(value, _FORMATS.get(name, "g"))
    return str(value)
