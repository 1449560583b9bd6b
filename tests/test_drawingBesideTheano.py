"""Drawing beside Theano, whose BLAS takes the place of SciPy's where it is loaded first."""

import subprocess
import sys

SCRIPT = """
from utilityFunctions import theano
import hashlib
from threadpoolctl import threadpool_limits
from lookslinear.laws import dense_law
from lookslinear.sampling import draw
for threads in (1, 2):
    with threadpool_limits(threads, user_api="blas"):
        weight = draw(dense_law(500, 600, "haar", 0.5), 1)
    print(hashlib.sha256(weight.tobytes()).hexdigest())
"""


def test_theThreadsOfItsBlasChangeNoBit():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    one, two = done.stdout.split()
    assert one == two
