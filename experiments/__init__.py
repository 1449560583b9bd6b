"""Experiments, `python -m experiments NAME`: what a network does, beside what theory says.

Each experiment is a file with a frozen Config and `run(config)`; `arms`, `data` and `networks` hold
what goes into one, `probes` what measures it, `predictions` what theory says of the same network,
and `running`, `reporting` and `plotting` what comes out. Only here does a prediction stand beside a
measurement.
"""
