"""The command line: `python -m experiments NAME`, installed as `looks-linear NAME`.

Exit status: 0 if all went well, 1 if `--check` found a contradiction, 2 for bad usage.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from experiments import variancePropagation
from experiments.plotting import plotRun
from experiments.reporting import summary
from experiments.running import completeFolder, newFolder, writeRun
from experiments.variancePropagation import CONTRADICTION, Plan, contradicted, prepare, run

PIPED_WIDTH = 120
#: A switch, whose default goes without saying.
Flag = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]
CONTRADICTED, BAD_USAGE, INTERRUPTED = 1, 2, 130


class UsageError(Exception):
    """What was asked for cannot be done; nothing was computed or written."""


@dataclass(frozen=True)
class Output:
    """Where results go and what is said of them."""

    output: Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="DIR",
            help="The run's folder, exactly; new or empty. The default is a new one in results/.",
        ),
    ] = None
    check: Flag = False
    """Exit with status 1 if any measurement contradicts its prediction: |z| > 5."""
    plot: Flag = True
    """Leave out the figure."""
    quiet: Flag = False
    """Print nothing but errors."""


@dataclass(frozen=True)
class VariancePropagation:
    """Send real data through deep networks at initialisation and a random gradient back.

    Shows, for each layer, the second moment of pre-activations and of gradients: measured with its
    standard error over networks, predicted, and the z-score. Writes config.json, manifest.json,
    table.csv, arrays.npz and a figure.
    """

    experiment: tyro.conf.OmitArgPrefixes[variancePropagation.Config]
    output: tyro.conf.OmitArgPrefixes[Output]


EXPERIMENTS = {variancePropagation.NAME: VariancePropagation}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment that the arguments ask for, and return the exit status."""
    chosen = tyro.extras.subcommand_cli_from_dict(
        EXPERIMENTS,
        args=arguments,
        prog="looks-linear",
        description="What networks do at initialisation, measured next to predicted.",
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    try:
        return _propagate(chosen.experiment, chosen.output)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_USAGE
    except MemoryError as error:
        print(f"error: this needs more memory than there is. {error}", file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("interrupted: nothing was kept", file=sys.stderr)
        return INTERRUPTED


def _propagate(config: variancePropagation.Config, output: Output) -> int:
    started = datetime.datetime.now(datetime.timezone.utc)
    # A pipe has no width of its own; rich would take 80 columns and fold the verdicts.
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    console = Console(quiet=output.quiet, width=width)
    with ExitStack() as stack:
        with _refusals():
            plan = _checkable(prepare(config), output)
            final = output.output or newFolder(variancePropagation.NAME)
            folder = stack.enter_context(completeFolder(final))
        with _progress(plan, console) as advance:
            result = run(plan, advance)
        writeRun(folder, plan.config, plan.config.seed, result.table, result.arrays, started)
        if output.plot:
            plotRun(folder)
    console.print(summary(result.table, result.reasons, CONTRADICTION))
    console.print(f"Written to {final}", highlight=False, soft_wrap=True)
    return CONTRADICTED if output.check and contradicted(result.table) else 0


@contextmanager
def _refusals() -> Iterator[None]:
    """While arguments are checked a refusal is the user's to mend; later it would be a defect."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise UsageError(error) from error


def _checkable(plan: Plan, output: Output) -> Plan:
    if output.check and plan.config.replicates < 2:
        raise ValueError(
            f"check needs at least 2 replicates, to know their scatter. "
            f"Received: {plan.config.replicates}."
        )
    return plan


@contextmanager
def _progress(plan: Plan, console: Console) -> Iterator[Callable[[str], None]]:
    """A bar over all networks; gives the function that moves it on by one."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("networks"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("compiling", total=len(plan.arms) * plan.config.replicates)
        yield lambda arm: bar.update(task, advance=1, description=arm)


if __name__ == "__main__":
    sys.exit(main())
