"""Processes that take turns: each is started once, asked in lines of JSON and answers in such.

What is compared stands in processes of its own, so that no library loads another one's BLAS or
threads, and takes turns (A B A B ...), so that whatever else the machine does meets all of them.
"""

import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Ended(SystemExit):
    """A measured process ended early; the message has the last lines of its complaints."""


class Worker:
    """A process that answers questions; its first answer, unasked, says that it is ready."""

    def __init__(self, command, environment=()):
        path = [str(ROOT), os.environ.get("PYTHONPATH")]
        variables = {**os.environ, **dict(environment)}
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 (close() closes it)
        self._process = subprocess.Popen(
            list(map(str, command)),
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )

    def ask(self, question):
        """The answer to a question; Ended where the process has."""
        with contextlib.suppress(BrokenPipeError):  # reading says why
            print(json.dumps(question), file=self._process.stdin, flush=True)
        return self.read()

    def read(self):
        """The next answer."""
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        status = self._process.wait()
        self._complaints.seek(0)
        last = "".join(self._complaints.readlines()[-5:])
        raise Ended(f"a measured process ended early, with status {status}\n{last}".rstrip())

    def close(self):
        """Let the process end, and end it if it does not."""
        try:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._complaints.close()


def serve(greeting, answerOf):
    """In the measured process: say that it is ready, then answer each question of stdin.

    What libraries print goes to stderr, so that stdout carries answers alone.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps(greeting), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answerOf(json.loads(line))), file=answers, flush=True)


def processor():
    """The processor, what it multiplies with beyond vectors, and its cores, in a line."""
    facts = _processorFacts()
    name = facts.get("model name") or platform.processor() or platform.machine()
    unit = " with a matrix unit (AMX)" if "amx_bf16" in facts.get("flags", "").split() else ""
    return f"{name}{unit}, {os.cpu_count()} cores"


def _processorFacts():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): fact.strip() for name, _, fact in pairs}
