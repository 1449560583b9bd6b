"""The command line: `python -m experiments NAME`, installed as `looks-linear NAME`.

Exit status: 0 if all went well, 1 if `--check` found a contradiction, 2 for bad usage, 3 if one of
all experiments failed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import tyro

from experiments.commands import BAD_USAGE, COMMANDS, INTERRUPTED
from experiments.conducting import UsageError

#: What is left of a run that is interrupted, unless it says more.
NOTHING = "nothing was kept"


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
    except KeyboardInterrupt as interrupt:
        print(f"interrupted: {interrupt.args[0] if interrupt.args else NOTHING}", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
