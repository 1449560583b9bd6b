"""The command line: `python -m experiments NAME`, installed as `looks-linear NAME`.

Exit status: 0 if all went well, 1 if `--check` found a contradiction, 2 for bad usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import Annotated

import tyro

from experiments.comparing import contradicted
from experiments.conducting import UsageError, conduct, consoleFor
from experiments.experiment import Experiment
from experiments.registry import EXPERIMENTS

#: A switch, whose default goes without saying.
Flag = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]
CONTRADICTED, BAD_USAGE, INTERRUPTED = 1, 2, 130


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
        return CONTRADICTED if output.check and contradicted(result.table) else 0


def _commandOf(experiment: Experiment) -> type:
    """The command of one experiment, with its options as fields."""
    command = make_dataclass(
        experiment.name.title().replace("-", ""),
        [
            ("experiment", tyro.conf.OmitArgPrefixes[experiment.Config]),
            ("output", tyro.conf.OmitArgPrefixes[Output]),
        ],
        bases=(Run,),
        namespace={"of": experiment, "__doc__": experiment.description or experiment.line},
        frozen=True,
    )
    return command


COMMANDS = {name: _commandOf(experiment) for name, experiment in EXPERIMENTS.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for, and return the exit status."""
    chosen = tyro.extras.subcommand_cli_from_dict(
        COMMANDS,
        args=arguments,
        prog="looks-linear",
        description="What networks do at initialisation, measured next to predicted.",
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    try:
        return chosen.act()
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_USAGE
    except MemoryError as error:
        print(f"error: this needs more memory than there is. {error}", file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("interrupted: nothing was kept", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
