"""Sweeps, `python -m experiments sweep`: every cell of a grid, run once and kept.

`command` reads a command line and `requests` a file, `grid` says which `cells` there are and
`forecast` what they will take. `sweeping` runs them: `store` keeps one folder for each, `failures`
what went wrong, `origins` which code it was; `work` is what a worker does with one, `executors`
where workers are (`processes` of this machine, `daskWorkers`, `ranks`), `running` what goes on
meanwhile. `index` and `loading` read all of it again, `report` is the page of it, with `points` and
`dimensions` that it plots.
"""
