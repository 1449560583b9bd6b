"""Experiments, `python -m experiments NAME`: what a network does, beside what theory says.

Each experiment is a file with a frozen Config and `run(config)`; `arms`, `data` and `networks` hold
what goes into one, `probes` what measures it, `predictions` what theory says of the same network,
and `running`, `reporting` and `plotting` what comes out. `sweeps` runs one over a grid, and
`load(DIR)` reads what a sweep has stored. Only here does a prediction stand beside a measurement.
"""

from experiments.sweeps.loading import load

__all__ = ["load"]
