"""What PyTorch's optimisers and schedulers do, step by step, written to torchNumbers.json.

    .venv-bench/bin/python tests/training/torchNumbers.py

makes the file anew. All numbers are double precision; JSON keeps them to the last bit. The
gradients are given, not computed, so each step depends on the optimiser alone; the rate changes
once.
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")
STEPS, CHANGE, LATER = 10, 6, 0.5  # the rate is multiplied by LATER from step CHANGE on
SHAPES = {"weight": (3, 2), "bias": (1, 2)}
#: Name -> PyTorch's class, its arguments, and the norm at which gradients are clipped.
CASES = {
    "plain": ("SGD", {"lr": 0.1}, None),
    "momentum": ("SGD", {"lr": 0.1, "momentum": 0.9}, None),
    "nesterov": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, None),
    "adam": ("Adam", {"lr": 0.01}, None),
    "adamOther": ("Adam", {"lr": 0.1, "betas": (0.0, 0.5), "eps": 0.1}, None),
    "adamW": ("AdamW", {"lr": 0.1, "weight_decay": 0.2}, None),
    "clipped": ("SGD", {"lr": 0.1, "momentum": 0.9}, 2.0),
}
LOSSES = [1.0, 0.9, 0.899, 0.95, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]


def main():
    """Write the file."""
    import torch

    rng = np.random.default_rng(0)
    start = {name: rng.standard_normal(shape).tolist() for name, shape in SHAPES.items()}
    gradients = [
        {name: rng.standard_normal(shape).tolist() for name, shape in SHAPES.items()}
        for _ in range(STEPS)
    ]
    trained = {case: trainedBy(torch, case, start, gradients) for case in CASES}
    content = {"torch": torch.__version__, "start": start, "gradients": gradients,
               "trained": trained, "rates": rates(torch)}  # fmt: skip
    FILE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def trainedBy(torch, case, start, gradients):
    """The parameters after each step."""
    kind, arguments, clip = CASES[case]
    params = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, value in start.items()
    }
    optimiser, after = getattr(torch.optim, kind)(params.values(), **arguments), []
    for step, gradient in enumerate(gradients):
        for name, param in params.items():
            param.grad = torch.tensor(gradient[name], dtype=torch.float64)
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(params.values(), clip)
        optimiser.param_groups[0]["lr"] = arguments["lr"] * (LATER if step >= CHANGE else 1)
        optimiser.step()
        after.append({name: param.detach().tolist() for name, param in params.items()})
    return after


def rates(torch):
    """The factors of some schedulers, epoch by epoch; of the last one after each loss."""
    schedules = torch.optim.lr_scheduler

    def factors(make, losses=(None,) * 12):
        optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler, found = make(optimiser), [1.0]
        found[0] = optimiser.param_groups[0]["lr"]
        for loss in losses:
            optimiser.step()
            scheduler.step(*(() if loss is None else (loss,)))
            found.append(optimiser.param_groups[0]["lr"])
        return found

    return {
        "step": factors(lambda o: schedules.StepLR(o, 3, 0.5)),
        "cosine": factors(lambda o: schedules.CosineAnnealingLR(o, 12, 0.1)),
        "warmUp": factors(lambda o: schedules.LinearLR(o, 0.2, 1.0, 4)),
        "plateau": factors(
            lambda o: schedules.ReduceLROnPlateau(
                o, factor=0.5, patience=2, threshold=0.01, min_lr=0.2
            ),
            LOSSES,
        ),
    }


if __name__ == "__main__":
    main()
