"""What PyTorch makes of gradient quotients, written to torchQuotients.json.

    .venv-bench/bin/python tests/training/rescaling/torchQuotients.py

makes the file anew. Numbers are double precision. Each case is a dense network with one hidden
layer, a batch with labels, the quotient of all parameters, and <W, dGQ/dW> of both weights.
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")
SAMPLES, UNITS, HIDDEN, CLASSES, EPSILON = 7, 4, 5, 3, 1e-5
SCALES = {"tanh": 1.0, "relu": 2.0}


def main():
    """Write the file."""
    import torch

    cases = {name: case(torch, name, seed) for seed, name in enumerate(SCALES)}
    FILE.write_text(json.dumps({"torch": torch.__version__, **cases}) + "\n", "utf-8")


def case(torch, name, seed):
    """The numbers for one activation."""
    rng = np.random.default_rng(seed)
    shapes = (UNITS, HIDDEN), (1, HIDDEN), (HIDDEN, CLASSES), (1, CLASSES)
    arrays = [SCALES[name] * rng.standard_normal(shape) for shape in shapes]
    x, labels = rng.standard_normal((SAMPLES, UNITS)), rng.integers(CLASSES, size=SAMPLES)
    first, shift, second, end = params = [torch.tensor(a, requires_grad=True) for a in arrays]
    hidden = getattr(torch, name)(torch.tensor(x) @ first + shift)
    scores = hidden @ second + end
    loss = torch.nn.functional.cross_entropy(scores, torch.tensor(labels))
    quotient = quotientOf(torch, loss, params)
    along = torch.autograd.grad(quotient, (first, second))
    slopes = [float((w * g).sum().detach()) for w, g in zip((first, second), along, strict=True)]
    return {
        "params": [a.tolist() for a in arrays], "x": x.tolist(), "labels": labels.tolist(),
        "quotient": float(quotient.detach()), "slopes": slopes,
    }  # fmt: skip


def quotientOf(torch, loss, params):
    """The mean over all parameters of |(g - H g) / (g + epsilon sign g) - 1|, flattened first."""

    def flat(scalar):
        parts = torch.autograd.grad(scalar, params, create_graph=True)
        return torch.cat([part.reshape(-1) for part in parts])

    g = flat(loss)
    changed = g - flat((g @ g) / 2)
    safe = g + EPSILON * torch.where(g >= 0, 1.0, -1.0)
    return (changed / safe - 1).abs().mean()


if __name__ == "__main__":
    main()
