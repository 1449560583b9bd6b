"""What libraries read from the environment while they are loaded."""

import os
from contextlib import contextmanager


@contextmanager
def environment(name, value):
    """A variable for a while, (name, value): a child process must find what the user has set."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before
