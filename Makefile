# Each target sets up what it needs, alone, in any order, a second time without reinstalling, and
# from a path with a space in it: so every path here is relative, and of .venv/bin only the
# interpreter is called.

PYTHON ?=
ARGS ?=
UPGRADE ?=

VENV_PYTHON := .venv/bin/python
READY := .venv/.ready
KERNELS := lookslinear/sampling/_kernels.abi3.so
HOSTS_PYTHON := .venv-hosts/bin/python
HOSTS_READY := .venv-hosts/.ready
BENCH_PYTHON := .venv-bench/bin/python
BENCH_READY := .venv-bench/.ready
REPORT_READY := .venv-report/.ready
FAULTS_PYTHON := .venv-faults/bin/python
FAULTS_READY := .venv-faults/.ready
PIP := -m pip --disable-pip-version-check
VERSION := import sys; print("%d.%d" % sys.version_info[:2])
SUPPORTED := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 11))
HOSTS_SUPPORTED := import sys; sys.exit(sys.version_info[:2] < (3, 10))
# Prints the Debian packages without which this Python cannot make .venv, or g++ not compile for it.
LACKING := import importlib.util, os, shutil, sys, sysconfig; \
    name = "python%d.%d" % sys.version_info[:2]; \
    venv = all(map(importlib.util.find_spec, ["venv", "ensurepip"])); \
    header = os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")); \
    print(*[name + "-venv"][venv:], *[name + "-dev"][header or not shutil.which("g++"):])

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help experiment docs test test-faults test-report test-hosts test-peers lint constraints bench \
    bench-quick bench-propagation bench-sweep bench-theano bench-training clean FORCE

help:
	@echo 'make experiment    run the main job: python -m experiments variance-propagation'
	@echo 'make docs          run all experiments and hold all published claims: 10 minutes; writes'
	@echo '                   the figures of docs/, docs/published.md and docs/catalogue.md'
	@echo 'make test          run the whole test suite'
	@echo 'make test-faults   kill sweeps, workers and clusters, fill disks: minutes; on MPI, and on'
	@echo '                   SLURM where it is installed (.venv-faults)'
	@echo 'make test-report   look at the page of a sweep in Chromium (.venv-report)'
	@echo 'make test-hosts    test lookslinear alone, as a guest in Keras, on NumPy 2 (.venv-hosts)'
	@echo 'make test-peers    hold what PyTorch and JAX draw to our laws (.venv-bench)'
	@echo 'make lint          check the code and its format with ruff'
	@echo 'make bench         measure drawing beside PyTorch, Keras, JAX and others (.venv-bench): 15'
	@echo '                   minutes; writes benchmarks/results/sampling.md and the README table'
	@echo 'make bench-quick   a minute of it, on the terminal alone'
	@echo 'make bench-propagation'
	@echo '                   measure streamed second moments beside a plain PyTorch script: 15'
	@echo '                   minutes; ARGS=--report writes benchmarks/results/propagation.md'
	@echo 'make bench-sweep   measure what a cell of a sweep costs: two minutes; writes'
	@echo '                   benchmarks/results/sweeps.md'
	@echo 'make bench-theano  measure what the BLAS and the convolution rewrite bring'
	@echo 'make bench-training'
	@echo '                   measure training steps beside PyTorch and plain Theano, what the trainer'
	@echo '                   adds, and compiling: 10 minutes; ARGS=--report writes'
	@echo '                   benchmarks/results/training.md'
	@echo 'make constraints   write constraints.txt anew; the pins that still fit stay as they are'
	@echo 'make clean         remove .venv*, caches and what builds leave; results/ stays'
	@echo
	@echo 'Each makes .venv first, where it needs it. Variables:'
	@echo '  ARGS="..."         more arguments for experiment, test and the benchmarks'
	@echo '  PYTHON=python3.10  the interpreter for .venv, 3.10 or 3.11; the default is the first'
	@echo '                     that will do of python3.11, python3.10, python3, python'
	@echo '  UPGRADE=--upgrade  with make constraints: the newest version of everything'

experiment: $(READY) $(KERNELS)
	$(VENV_PYTHON) -m experiments variance-propagation $(ARGS)

# A folder each under build/docs, and of its figure a small copy in docs/.
docs: $(READY) $(KERNELS)
	@rm -rf build/docs
	$(VENV_PYTHON) -m experiments all --output build/docs
	$(VENV_PYTHON) -m experiments shattered-gradients --output build/docs/textbook-notebook \
	    --net textbook --net uncentred --net feed-forward --depths 1 10 24 50
	@set -e; for run in build/docs/*/; do \
	    name=$$(basename "$$run"); \
	    $(VENV_PYTHON) -m experiments plot "$$run" --dpi 100; \
	    cp "$$run/figure.png" "docs/$$name.png"; \
	done
	$(VENV_PYTHON) -m experiments published --markdown docs/published.md
	$(VENV_PYTHON) -m experiments initialisations --markdown docs/catalogue.md

test: $(READY) $(KERNELS)
	$(VENV_PYTHON) -m pytest $(ARGS)

test-faults: $(READY) $(KERNELS) $(FAULTS_READY)
	$(FAULTS_PYTHON) -m pytest -m faults $(ARGS) tests/experiments/sweeps

test-report: $(READY) $(KERNELS) $(REPORT_READY)
	PYTHONPATH=.venv-report $(VENV_PYTHON) -m pytest -m browser $(ARGS) tests/experiments/sweeps/test_browser.py

test-hosts: $(HOSTS_READY)
	@$(HOSTS_PYTHON) $(PIP) install --quiet --force-reinstall --no-deps .
	@rm -rf build looks_linear.egg-info
	@$(HOSTS_PYTHON) -I -c 'import lookslinear.initializers'
	KERAS_BACKEND=numpy $(HOSTS_PYTHON) -m pytest $(ARGS) tests/hosts tests/lookslinear lookslinear

test-peers: $(BENCH_READY)
	@$(BENCH_PYTHON) $(PIP) install --quiet pytest hypothesis threadpoolctl
	$(BENCH_PYTHON) -m pytest $(ARGS) tests/hosts/test_torch.py tests/hosts/test_jax.py

lint: $(READY)
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .

bench: $(READY) $(KERNELS) $(BENCH_READY)
	$(VENV_PYTHON) benchmarks/sampling.py --readme $(ARGS)

bench-quick: $(READY) $(KERNELS) $(BENCH_READY)
	$(VENV_PYTHON) benchmarks/sampling.py --quick $(ARGS)

bench-propagation: $(READY) $(KERNELS) $(BENCH_READY)
	$(VENV_PYTHON) benchmarks/propagation.py $(ARGS)

bench-sweep: $(READY) $(KERNELS)
	PYTHONPATH=. $(VENV_PYTHON) benchmarks/sweeps.py $(ARGS)

bench-theano: $(READY) $(KERNELS)
	$(VENV_PYTHON) benchmarks/theano_speed.py $(ARGS)

bench-training: $(READY) $(KERNELS) $(BENCH_READY)
	$(VENV_PYTHON) benchmarks/training_speed.py $(ARGS)

clean:
	rm -rf .venv .venv-hosts .venv-bench .venv-report .venv-faults build dist $(KERNELS) looks_linear.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Sets the shell variable python to the interpreter asked for, or to the first candidate that runs (a
# version manager's shim may exist and fail), is of a supported version and complete.
define findPython
python=""; incomplete=""; \
for candidate in $(if $(PYTHON),"$(PYTHON)",python3.11 python3.10 python3 python); do \
    "$$candidate" -c '$(SUPPORTED)' 2>/dev/null || continue; \
    lacking=$$("$$candidate" -c '$(LACKING)'); \
    if [ -z "$$lacking" ]; then python="$$candidate"; break; fi; \
    incomplete="$${incomplete:-$$candidate alone will not do. On Debian and Ubuntu:  apt-get install $$lacking}"; \
done; \
if [ -n "$$python" ]; then :; \
elif [ -n "$$incomplete" ]; then echo "$$incomplete" >&2; exit 1; \
elif [ -n "$(PYTHON)" ]; then \
    echo "PYTHON=$(PYTHON) does not run or is not Python 3.10 or 3.11, which Theano-PyMC needs." >&2; \
    exit 1; \
else \
    echo "looks-linear needs Python 3.10 or 3.11 (Theano-PyMC supports no later one). None of" >&2; \
    echo "python3.11, python3.10, python3, python is one that runs. Install one, or name it:" >&2; \
    echo "    make PYTHON=/path/to/python3.11 ..." >&2; \
    exit 1; \
fi
endef

# The file .venv/.ready is written last, so an interrupted installation does not count. It holds the
# version of Python; .venv is made again if its interpreter is gone, or PYTHON asks for another one.
ifneq ($(wildcard $(READY)),)
installed := $(shell cat $(READY))
ifneq ($(shell $(VENV_PYTHON) -c '$(VERSION)' 2>/dev/null),$(installed))
$(READY): FORCE
else ifneq ($(PYTHON),)
ifneq ($(shell "$(PYTHON)" -c '$(VERSION)' 2>/dev/null),$(installed))
$(READY): FORCE
endif
endif
endif

# constraints.txt names every package with its version, so nothing is left to resolve (--no-deps);
# setuptools and wheel come first, because Theano-PyMC is built from source, with these very ones.
$(READY): constraints.txt
	@rm -f $@
	@$(findPython); \
	echo "Making .venv with $$python and the versions of constraints.txt: half a minute, once."; \
	"$$python" -m venv --clear .venv
	@$(VENV_PYTHON) $(PIP) install --quiet --constraint constraints.txt setuptools wheel
	@$(VENV_PYTHON) $(PIP) install --quiet --no-deps --no-build-isolation --requirement constraints.txt
	@$(VENV_PYTHON) -c '$(VERSION)' > $@

# Where no C compiler is, setup.py says so and makes nothing, and NumPy does the same more slowly.
$(KERNELS): lookslinear/sampling/kernels.c setup.py | $(READY)
	@$(VENV_PYTHON) setup.py --quiet build_ext --inplace
	@rm -rf build/temp.* build/lib.*

# Sets the shell variable candidate to the interpreter asked for, or to the newest one that runs.
define findNewPython
for candidate in $(if $(PYTHON),"$(PYTHON)",python3.13 python3.12 python3.11 python3.10 python3); do \
    "$$candidate" -c '$(HOSTS_SUPPORTED)' 2>/dev/null && break; \
done; \
"$$candidate" -c '$(HOSTS_SUPPORTED)' 2>/dev/null || { \
    echo "$$candidate does not run or is not Python 3.10 or later." >&2; exit 1; \
}
endef

# The newest of everything, and no Theano: what a host brings today. Keras's NumPy backend needs JAX.
$(HOSTS_READY):
	@$(findNewPython); \
	echo "Making .venv-hosts with $$candidate and the newest Keras: a minute, once."; \
	"$$candidate" -m venv --clear .venv-hosts
	@$(HOSTS_PYTHON) $(PIP) install --quiet 'numpy>=2' scipy threadpoolctl keras jax pytest hypothesis
	@touch $@

# The newest peers to be measured beside.
$(BENCH_READY):
	@$(findNewPython); \
	echo "Making .venv-bench with $$candidate and the libraries to compare with: minutes, once."; \
	"$$candidate" -m venv --clear .venv-bench
	@$(BENCH_PYTHON) $(PIP) install --quiet 'numpy>=2' scipy 'torch==2.13.0' keras jax
	@touch $@

# What drives a browser, for the Python of .venv, beside it; the browser is the machine's.
$(REPORT_READY): | $(READY)
	@echo "Making .venv-report with playwright: half a minute, once."
	@rm -rf .venv-report
	@$(VENV_PYTHON) $(PIP) install --quiet --target .venv-report playwright
	@touch $@

# MPI and queues beside the packages of .venv, which it sees. MPI is found in an environment alone.
$(FAULTS_READY): | $(READY)
	@echo "Making .venv-faults with mpi4py, MPICH and dask-jobqueue: half a minute, once."
	@$(VENV_PYTHON) -m venv --clear --without-pip .venv-faults
	@packages='import sysconfig; print(sysconfig.get_path("purelib"))'; \
	$(VENV_PYTHON) -c "$$packages" > "$$($(FAULTS_PYTHON) -c "$$packages")/beside.pth"
	@$(VENV_PYTHON) $(PIP) --python $(FAULTS_PYTHON) install --quiet mpi4py mpich dask-jobqueue
	@touch $@

# Resolves setup.py and its extra "test" for both Pythons at once, whichever one does the work, on
# Linux; the versions serve elsewhere too, so the condition on the platform is dropped.
constraints:
	@$(findPython); "$$python" -m venv --clear build/constraints
	@build/constraints/bin/python $(PIP) install --quiet uv
	@if [ -e constraints.txt ]; then cp constraints.txt build/constraints.txt; fi
	build/constraints/bin/python -m uv pip compile --quiet setup.py --extra test --universal \
	    --python-version 3.10 --python build/constraints/bin/python --no-python-downloads \
	    --fork-strategy fewest --no-emit-index-url --no-emit-find-links \
	    --annotation-style line --custom-compile-command 'make constraints' \
	    $(UPGRADE) --output-file build/constraints.txt
	@sed "s/ and sys_platform == 'linux'//" build/constraints.txt > constraints.txt
	@rm -rf build/constraints build/constraints.txt looks_linear.egg-info

FORCE:
