"""Sweeps, `python -m experiments sweep`: every cell of a grid, run once and kept.

`grid` says which cells there are, `store` keeps one folder for each, `work` is what a worker does
with one, `executors` where workers are, `running` what goes on meanwhile, `index` and `loading` how
all of it is read again, `report` the page of it, with `points` and `dimensions` that it plots.
"""
