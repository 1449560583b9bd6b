"""Tables, (headings, rows of cells), as Markdown and for the terminal; and what cells say."""

import statistics

from rich.table import Table
from rich.text import Text

from comparisons import quartiles

#: Headings of columns that hold words; all other columns are numbers, to the right.
WORDS = (
    "goal",
    "side",
    "work",
    "numbers",
    "fastest peer",
    "where, against whom",
    "met",
    "why it bends",
    "net",
)


def markdown(headings, rows):
    """A table in Markdown."""
    lines = [headings, ["---" if _ofWords(one) else "---:" for one in headings], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def forTerminal(title, headings, rows):
    """The same table for rich, without Markdown's marks."""
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, justify="left" if _ofWords(heading) else "right")
    for row in rows:
        table.add_row(*(Text(cell.replace("**", "").replace("`", "")) for cell in row))
    return table


def _ofWords(heading):
    return heading in WORDS


def inUnits(seconds):
    """Seconds in three digits, in the unit that suits them."""
    unit, size = next(pair for pair in (("s", 1), ("ms", 1e-3), ("µs", 0)) if seconds >= pair[1])
    value = seconds / (size or 1e-6)
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"


def spread(ratios):
    """The median, and the quartiles in brackets."""
    low, high = quartiles(ratios)
    return f"{statistics.median(ratios):.2f} [{low:.2f}, {high:.2f}]"
