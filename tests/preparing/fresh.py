"""Fresh processes that prepare Theano, and what they have become."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Tells what a fresh process has become: the last line that it prints.
REPORT = """
import json, logging, os
from theano.compile.mode import optdb
names = ("theano.tensor.blas", "theano.configdefaults")
print(json.dumps({
    "blas": theano.config.blas__ldflags,
    "cxxflags": theano.config.gcc__cxxflags,
    "environment": os.environ.get("THEANO_FLAGS"),
    "spin": os.environ.get("OPENBLAS_THREAD_TIMEOUT"),
    "rewrite": "conv_openmp" in optdb,
    "filters": sum(len(logging.getLogger(name).filters) for name in names),
}))
"""


def python(code, **variables):
    """Run code in a fresh process without what this one was told of Theano, unless it is given."""
    unset = (
        "THEANO_FLAGS", "THEANORC", "OPENBLAS_THREAD_TIMEOUT", "LIBRARY_PATH", "GLIBC_TUNABLES",
        "MALLOC_",
    )  # fmt: skip
    environment = {name: told for name, told in os.environ.items() if not name.startswith(unset)}
    path = [variables.pop("PYTHONPATH", ""), str(ROOT)]
    environment.update(PYTHONPATH=os.pathsep.join(filter(None, path)), THEANORC=os.devnull)
    environment.update(variables)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def report(code, **variables):
    """The REPORT of a fresh process that ran code, and what it wrote to stderr."""
    done = python(code + REPORT, **variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def compileDirectory(folder):
    return f"base_compiledir={folder}"
