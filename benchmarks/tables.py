"""Tables, (headings, rows of cells), as Markdown and for the terminal; and what cells say."""

import statistics

from rich.table import Table
from rich.text import Text

from comparisons import quartiles


def markdown(headings, rows):
    """A table in Markdown; all columns but the first are numbers, to the right."""
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def forTerminal(title, headings, rows):
    """The same table for rich, without Markdown's marks."""
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, justify="right" if table.columns else "left")
    for row in rows:
        table.add_row(*(Text(cell.replace("**", "").replace("`", "")) for cell in row))
    return table


def inUnits(seconds):
    """Seconds in three digits, in the unit that suits them."""
    unit, size = next(pair for pair in (("s", 1), ("ms", 1e-3), ("µs", 0)) if seconds >= pair[1])
    value = seconds / (size or 1e-6)
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"


def spread(ratios):
    """The median, and the quartiles in brackets."""
    low, high = quartiles(ratios)
    return f"{statistics.median(ratios):.2f} [{low:.2f}, {high:.2f}]"
