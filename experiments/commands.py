"""The commands of the command line: dataclasses, whose fields are options, with what they do."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from experiments.catalogueCommands import AuditWeights, Initialisations
from experiments.comparing import contradicted
from experiments.conducting import UsageError, conduct, consoleFor, progress, refusals
from experiments.data import loadBatch
from experiments.everything import conductAll
from experiments.experiment import Experiment
from experiments.listing import tellExperiments
from experiments.plotting import DPI, plotRun
from experiments.published import CLAIMS, holdAll, markdownOf, shownTable
from experiments.registry import EXPERIMENTS
from experiments.running import RESULTS, newFolder, refuseUnwritable, replaceText
from experiments.stored import readRun
from experiments.sweeps.command import Sweep
from experiments.sweeps.report import writeReport
from lookslinear.errors import known_name, whole_number

#: A switch, whose default goes without saying.
Flag = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]
DONE, CONTRADICTED, BAD_USAGE, FAILED, INTERRUPTED = 0, 1, 2, 3, 130


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
class Run:
    """What every experiment's command has: its own options, and those of its output."""

    def act(self) -> int:
        """Conduct the experiment, and return the exit status."""
        output, console = self.output, consoleFor(self.output.quiet)
        result = conduct(
            self.of, self.experiment, output.output, console, check=output.check, plot=output.plot
        )
        return CONTRADICTED if output.check and contradicted(result.table) else DONE


@dataclass(frozen=True)
class All:
    """Run every experiment with its defaults, each into a folder of its own, and write index.html.

    One that fails does not stop the rest; the exit status is then 3.
    """

    output: tyro.conf.OmitArgPrefixes[Output]

    def act(self) -> int:
        """Conduct all experiments, and return the exit status."""
        output = self.output
        folder = output.output or newFolder("all")
        try:
            failures, contradiction = conductAll(
                EXPERIMENTS.values(),
                folder,
                consoleFor(output.quiet),
                Console(stderr=True),
                check=output.check,
                plot=output.plot,
            )
        except KeyboardInterrupt:
            print(f"interrupted: the runs that were complete are in {folder}", file=sys.stderr)
            return INTERRUPTED
        if failures:
            print(f"error: {len(failures)} failed: {', '.join(failures)}", file=sys.stderr)
            return FAILED
        return CONTRADICTED if output.check and contradiction else DONE


@dataclass(frozen=True)
class List:
    """Show every experiment with one line, and the verdict of its last stored run."""

    results: Annotated[
        Path, tyro.conf.arg(metavar="DIR", help="The folder that holds stored runs.")
    ] = RESULTS

    def act(self) -> int:
        """Print the list, and return the exit status."""
        tellExperiments(self.results, consoleFor(quiet=False))
        return DONE


@dataclass(frozen=True)
class Plot:
    """Draw the figure of a stored run anew, from what is stored alone."""

    folder: Annotated[
        tyro.conf.Positional[Path],
        tyro.conf.arg(metavar="DIR", help="The folder of the run; its figures are replaced."),
    ]
    dpi: int = DPI
    """Dots per inch of figure.png: 100 suits a page, and makes a small file."""

    def act(self) -> int:
        """Draw, and return the exit status."""
        with refusals():
            whole_number(self.dpi, "dpi")
            name = readRun(self.folder).experiment
            experiment = EXPERIMENTS[known_name("experiment", name, EXPERIMENTS)]
        try:
            paths = plotRun(self.folder, experiment.draw, self.dpi)
        except KeyError as error:
            raise UsageError(
                f"run {str(self.folder)!r} has no {error}, which the figure of {name} shows: "
                f"another version wrote it. Nothing in it was changed; run the experiment again."
            ) from error
        print("Drawn:", *paths)
        return DONE


@dataclass(frozen=True)
class Published:
    """Hold published claims to theory and to networks: a minute, one row a claim."""

    markdown: Annotated[
        Path | None,
        tyro.conf.arg(metavar="FILE", help="Write the table here too, such as docs/published.md."),
    ] = None
    check: Flag = False
    """Exit with status 1 if any measurement contradicts our own prediction: |z| > 5."""
    quiet: Flag = False
    """Print nothing but errors."""

    def act(self) -> int:
        """Hold all claims, and return the exit status."""
        console = consoleFor(self.quiet)
        with refusals():
            refuseUnwritable(self.markdown, "markdown")
            loadBatch("patches", 1, 0)  # the last claims are about photographs
        with progress(len(CLAIMS), console) as advance:
            findings = holdAll(CLAIMS, advance)
        console.print(shownTable(findings))
        if self.markdown:
            replaceText(self.markdown, markdownOf(findings))
            console.print(f"Written to {self.markdown}", highlight=False, soft_wrap=True)
        contradicting = any(found.contradicted for found in findings)
        return CONTRADICTED if self.check and contradicting else DONE


@dataclass(frozen=True)
class Report:
    """Make a page of a sweep: plots of any quantity over any axes, tables, failures, versions.

    It is one file that opens from disk, without a network.
    """

    folder: Annotated[
        tyro.conf.Positional[Path],
        tyro.conf.arg(metavar="DIR", help="The folder of the sweep, which may be at work."),
    ]
    output: Annotated[
        Path | None,
        tyro.conf.arg(metavar="FILE", help="The page. The default is report.html in the folder."),
    ] = None

    def act(self) -> int:
        """Write the page, and return the exit status."""
        with refusals(), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            path = writeReport(self.folder, EXPERIMENTS, self.output)
        for warning in told:  # such as of damaged cells; without the line of code that says so
            print(f"warning: {warning.message}", file=sys.stderr)
        print(f"Written to {path}")
        return DONE


def _commandOf(experiment: Experiment) -> type:
    """The command of one experiment, with its options as fields."""
    return make_dataclass(
        experiment.name.title().replace("-", ""),
        [
            ("experiment", tyro.conf.OmitArgPrefixes[experiment.Config]),
            ("output", tyro.conf.OmitArgPrefixes[Output]),
        ],
        bases=(Run,),
        namespace={"of": experiment, "__doc__": experiment.description or experiment.line},
        frozen=True,
    )


#: All commands, by what is typed.
COMMANDS: Mapping[str, type] = {
    **{name: _commandOf(experiment) for name, experiment in EXPERIMENTS.items()},
    "list": List,
    "all": All,
    "plot": Plot,
    "published": Published,
    "initialisations": Initialisations,
    "audit": AuditWeights,
    "sweep": Sweep,
    "report": Report,
}
