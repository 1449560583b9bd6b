"""Trainings that are killed at random moments, and end as if they had not been.

    python -m tests.training.killed 20

kills so many processes of one training, each of which goes on from what the one before has saved,
lets one finish, and compares. The suite does the same with a few forked children.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

EPOCHS, MANY = 6, 100


def trainee():
    """What a resumed training must bring back: moments, counts, dropout's streams."""
    from tests.training.nets import Trainee, network
    from training import Adam

    return Trainee(network(dropout=True), Adam(0.01))


def train(trainee, folder, epochs=EPOCHS, **others):
    """Train, or go on; return a digest of each variable, and the history without times."""
    from tests.training.nets import data
    from training import Plateau, fit
    from training.keeping import changing

    history = fit(
        *(trainee.model, data(200), trainee.objective, trainee.optimiser),
        Plateau(0.5, patience=0, threshold=0.05),
        epochs=epochs,
        batchSize=8,
        seed=5,
        checkpoint=folder,
        resume=True,
        **others,
    )
    variables = changing(trainee.model, trainee.optimiser)
    found = {n: hashlib.sha256(v.get_value().tobytes()).hexdigest() for n, v in variables.items()}
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in history.rows]
    return {"rows": rows, **found}


def serve(folder):
    """Be a process that may be killed: say when training starts, and what it ended with."""
    told = {"start": lambda: print("training", flush=True)}
    found = json.dumps(train(trainee().begin(seed=3), folder, MANY, callbacks=told))
    print(found, flush=True)


def start(folder):
    """A process that trains; it has begun its first batch."""
    command = [sys.executable, "-m", "tests.training.killed", "--serve", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "training\n"
    return process


def main(count):
    """Kill, resume, compare, and print what happened."""
    folder = Path(tempfile.mkdtemp())
    process, began = start(folder / "whole"), time.perf_counter()
    expected = json.loads(process.stdout.readline())
    seconds, kills = time.perf_counter() - began, 0
    process.communicate()
    # Such moments that all kills together come to about the length of one training.
    for moment in np.random.default_rng().uniform(0, 2 * seconds / count, size=count):
        process = start(folder / "killed")
        time.sleep(moment)
        process.kill()
        wasAtWork = not process.communicate()[0]
        left = sorted(path.name for path in (folder / "killed").iterdir())
        kills += wasAtWork
        print(f"after {moment:.3f} s: {'killed' if wasAtWork else 'had finished'}, left {left}")
    found = json.loads(start(folder / "killed").communicate()[0])
    print(f"{kills} of {count} killed, a whole training takes {seconds:.2f} s;",
          "the same bits" if found == expected else "OTHER BITS")  # fmt: skip


if __name__ == "__main__":
    serve(sys.argv[2]) if sys.argv[1] == "--serve" else main(int(sys.argv[1]))
