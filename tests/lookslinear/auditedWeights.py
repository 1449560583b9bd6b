"""What PyTorch and Keras draw by default and by name, written to tests/lookslinear/audited/*.npz.

    .venv-bench/bin/python tests/lookslinear/auditedWeights.py

makes the files anew: state dicts as arrays, in each library's own layout. A name says what was
drawn.
"""

import os
from pathlib import Path

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "torch")
FOLDER = Path(__file__).with_name("audited")
SEED = 1


def ofTorch():
    """A network with its defaults, and weights filled by `torch.nn.init`."""
    import torch

    torch.manual_seed(SEED)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(6, 16, 3), torch.nn.BatchNorm2d(16), torch.nn.Linear(80, 30)
    )
    net.init = torch.nn.Module()
    fills = {
        "orthogonal": torch.nn.init.orthogonal_,
        "kaimingNormal": lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="relu"),
        "xavierUniform": torch.nn.init.xavier_uniform_,
        "xavierNormal": torch.nn.init.xavier_normal_,
    }
    for name, fill in fills.items():
        weight = torch.nn.Parameter(torch.empty(30, 80))
        fill(weight)
        net.init.register_parameter(name, weight)
    net.init.register_parameter("dirac", torch.nn.Parameter(torch.empty(8, 6, 3, 3)))
    torch.nn.init.dirac_(net.init.dirac)
    return {name: tensor.detach().numpy() for name, tensor in net.state_dict().items()}


def ofKeras():
    """Layers with their defaults, and kernels of other initialisers."""
    import keras

    keras.utils.set_random_seed(SEED)
    made = {}
    for name in ("glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "glorot_normal"):
        layer = keras.layers.Dense(30, kernel_initializer=name)
        layer.build((None, 80))
        made[f"dense.{name}.kernel"], made[f"dense.{name}.bias"] = layer.get_weights()
    layer = keras.layers.Conv2D(16, 3)
    layer.build((None, 9, 9, 6))
    made["conv.kernel"], made["conv.bias"] = layer.get_weights()
    layer = keras.layers.LSTM(12)
    layer.build((None, 5, 20))
    made["lstm.kernel"], made["lstm.recurrent"], made["lstm.bias"] = layer.get_weights()
    return made


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, make in (("torch", ofTorch), ("keras", ofKeras)):
        np.savez(FOLDER / f"{name}.npz", **make())
