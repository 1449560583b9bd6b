"""One initialisation of the catalogue: its law in words, the formula of its variance, its papers.

The formula is evaluated as it stands, so what tables show is what tests compare with
`law.variance`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

from lookslinear.connections import Options
from lookslinear.errors import NotCoveredError, known_name, refuse_other_kind
from lookslinear.laws import WeightLaw
from lookslinear.references import REFERENCES

#: What formulas may call.
FUNCTIONS = {"sqrt": math.sqrt, "ceil": math.ceil, "log2": math.log2, "max": max, "min": min}
#: What a formula may read of a law and of the options; further names are arguments of the entry.
QUANTITIES = {
    "fan_in": "the inputs of one unit, counted before a doubling by a mirror",
    "fan_out": "the outputs that one input reaches",
    "channels_in": "the input channels, counted before a doubling",
    "num_filters": "the output channels",
    "a": "2 with `relu`, the square of the gain of an `activation`; 1 with `mirror` or neither",
    "b": "1 with `mirror`, the square of the gain of an `activation`, else 2",
    "g": "the square of the gain of an `activation`; 1 with `mirror` or without one",
    "p0": "the first of `signalPriorities`, 1 by default",
    "p1": "the second of them, 1 by default",
}
#: What an entry is called with: shapes, for one layer's weight, or a whole network.
KINDS = ("layer", "network")


@dataclass(frozen=True)
class Entry:
    """One initialisation of the catalogue.

    Parameters
    ----------
    name : str
        Its name in `initD`; of an initialiser that `initD` does not have, the class's.
    words : str
        Its law in words, on one line.
    formula : str
        The variance of an entry that can be non-zero (about its mean; the mean square of a
        constant or an identity), in Python, of `QUANTITIES`, `FUNCTIONS` and `arguments`; with the
        default options, but for those that are quantities. '' where none holds for all shapes.
    references : tuple of str
        Keys of `lookslinear.references.REFERENCES`.
    kernel_references : tuple of str
        Those of what it does to kernels alone.
    folklore : bool
        True for what is older than any paper on it that is known here: the only entries without
        references.
    initializer : str
        The class of `lookslinear.initializers` of the same law, or ''.
    aliases : tuple of str
        Its other names in `initD`.
    arguments : mapping
        Further options that the formula reads, and their defaults.
    options : tuple of str
        The options of all entries, other than `s`, `mirror` and `rng`, that have an effect on it.
    own : tuple of str
        Options that it alone has; those that are arguments of the class `initializer` need not be
        named.
    kind : str
        'layer', from shapes to a weight, or 'network', which changes a whole network.
    needs_data : bool
        Whether it looks at a batch of inputs; of networks alone.
    deterministic : bool
        Whether it leaves nothing to chance.

    Raises
    ------
    ValueError
        For an unknown kind or reference, neither references nor folklore, and a formula that is
        none or reads something unknown.
    TypeError
        For words and a formula that are no text.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> he = Entry("heNormal", "keeps signals", "2 / fan_in", ("he2015",))
    >>> he.variance(dense_law(200, 100, "normal", 0.1))
    0.01
    """

    name: str
    words: str
    formula: str = ""
    references: tuple[str, ...] = ()
    kernel_references: tuple[str, ...] = ()
    folklore: bool = False
    initializer: str = ""
    aliases: tuple[str, ...] = ()
    arguments: Mapping[str, float] | tuple = ()
    options: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    kind: str = "layer"
    needs_data: bool = False
    deterministic: bool = False

    def __post_init__(self):
        known_name("kind", self.kind, KINDS)
        for name in ("words", "formula"):
            refuse_other_kind(getattr(self, name), str, name)
        for key in (*self.references, *self.kernel_references):
            known_name("reference", key, REFERENCES)
        if bool(self.references) == self.folklore:
            raise ValueError(
                f"an entry needs references, or to be folklore. Received: {self.name!r} with "
                f"references {self.references!r} and folklore {self.folklore!r}."
            )
        for name in self.options:
            known_name("option", name, Options.__dataclass_fields__)
        if self.formula:
            _refuse_bad_formula(self)

    def variance(self, law: WeightLaw, options: Options | None = None, **arguments: float) -> float:
        """The formula's value for the shape of a law; the options give a, b, g, p0 and p1.

        Raises
        ------
        NotCoveredError
            If the entry has no formula.
        """
        if not self.formula:
            raise NotCoveredError(f"{self.name} has no formula that holds for all shapes.")
        known = {**quantities(law, options or Options()), **dict(self.arguments), **arguments}
        return float(eval(self.formula, {"__builtins__": {}, **FUNCTIONS}, known))


def quantities(law: WeightLaw, options: Options) -> dict[str, float]:
    """What formulas are made of, for the shape of a law.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> quantities(dense_law(8, 3, "normal", 0.1, mirror=True), Options(relu=True))["fan_in"]
    4
    """
    told = dataclasses.replace(options, mirror=law.mirror)
    priorities = dict(zip(("p0", "p1"), options.signalPriorities, strict=True))
    return {
        "fan_in": law.fans.fan_in,
        "fan_out": law.fans.fan_out,
        "channels_in": law.input_channels,
        "num_filters": law.output_channels,
        "a": told.gain_factor(),
        "b": told.gain_factor(unsaid=2.0),
        "g": told.gain_factor(rectified=1.0),
        **priorities,
    }


def _refuse_bad_formula(entry: Entry) -> None:
    try:
        read = compile(entry.formula, entry.name, "eval").co_names
    except SyntaxError as error:
        raise ValueError(
            f"a formula must be one expression of Python's. Received: {entry.formula!r}."
        ) from error
    for name in read:
        known_name("quantity", name, [*QUANTITIES, *FUNCTIONS, *dict(entry.arguments)])
