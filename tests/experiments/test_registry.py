"""Every experiment of the registry, run tiny: the protocol that the frame relies on."""

import dataclasses
import re
import typing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import experiments
from experiments.comparing import NUMBERS, labelsOf
from experiments.registry import EXPERIMENTS
from lookslinear.errors import UnknownNameError

#: What makes each experiment a matter of a second.
TINY = {
    "border-loss": {"side": (4,), "depth": 2, "channels": 2, "replicates": 2},
    "downsampling": {"image": (0.0, 1.0), "layers": 1, "batch": 4, "replicates": 2},
    "gradient-correlation": {"depth": 2, "width": 8, "batch": 6, "replicates": 2},
    "partial-mirror": {"rho": (0.5, 1.0), "depth": 2, "width": 8, "replicates": 2},
    "variance-propagation": {"depth": 3, "width": 8, "batch": 4, "replicates": 2},
    "shattered-gradients": {"depths": (1, 3), "width": 8, "points": 16, "replicates": 2},
    "phase-diagram": {
        "weights": (1.0, 2.0),
        "biases": (0.1,),
        "depth": 3,
        "width": 8,
        "samples": 2,
        "replicates": 2,
    },
    "gains": {"activation": ("gelu",), "depth": 3, "width": 8, "replicates": 2},
    "co-activation": {"depth": 3, "width": 8, "samples": 4, "replicates": 2},
    "jacobian-spectrum": {
        "net": ("gaussian/relu", "orthogonal/erf"),
        "depth": 2,
        "width": 8,
        "replicates": 2,
    },
    "log-norm": {"arm": ("heNormal/relu",), "size": ("3x8",), "replicates": 3},
    "learning-time": {
        "arm": ("orthogonal/linear", "heNormal/crelu"),
        "depth": (2,),
        "width": 10,
        "samples": 20,
        "longest": 60,
        "replicates": 2,
    },
    "width-profile": {"profile": ("6*2",), "replicates": 3},
    "crelu": {
        "arm": ("heNormal/relu",),
        "depth": (2,),
        "width": 8,
        "samples": 100,
        "epochs": 1,
        "replicates": 2,
    },
}


def test_every_experiment_is_in_the_registry():
    texts = [path.read_text() for path in Path(experiments.__file__).parent.glob("*.py")]
    names = [name for text in texts for name in re.findall(r'^NAME = "(.+)"', text, re.MULTILINE)]
    assert sorted(names) == sorted(EXPERIMENTS) == sorted(TINY)


@pytest.fixture(params=EXPERIMENTS.values(), ids=lambda experiment: experiment.name)
def experiment(request):
    return request.param


def test_names_and_lines(experiment):
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", experiment.name)
    assert re.fullmatch(r"[A-Z].{10,98}\.", experiment.line)


def test_a_config_is_frozen_and_has_seed_and_replicates(experiment):
    config = experiment.Config()
    assert {"seed", "replicates"} <= {field.name for field in dataclasses.fields(config)}
    assert config.replicates >= 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 1


@pytest.mark.parametrize(("name", "value"), [("seed", -1), ("replicates", 0), ("replicates", 1.5)])
def test_a_bad_seed_or_number_of_networks_is_refused(experiment, name, value):
    with pytest.raises((ValueError, TypeError), match=rf"{name} must .*Received: {value}"):
        experiment.prepare(experiment.Config(**{**TINY[experiment.name], name: value}))


#: Of each type of a field what is none of its values: kinds that are taken for it elsewhere.
OTHERS = {
    int: (2.5, "3", True, None, (3,), np.array([3])),
    float: ("3", True, None, (0.5,), 1j),
    str: (3, None, b"digits", ("digits",)),
    "tuple": (3, "heNormal/relu", None, {}, {"2"}, np.ones(2)),
    "Literal": (3, None, ["dense"], "dens"),
    int | None: (2.5, "3", False, ()),
    float | None: ("0.9", True, ()),
    str | float: (None, True, (0.1,)),
    Path | None: (3, False, (Path(),)),
}


def othersOf(kind):
    """What a field of this type refuses."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is not tuple:
        return OTHERS["Literal" if origin is typing.Literal else kind]
    rightly = {int: 2, float: 0.5, str: "heNormal/relu"}[inner[0]]
    return OTHERS["tuple"] + tuple([rightly, other] for other in OTHERS[inner[0]])


def test_another_type_is_refused_at_the_door_for_every_field(experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kinds = typing.get_type_hints(experiment.Config)
    for field in dataclasses.fields(experiment.Config):
        for value in othersOf(kinds[field.name]):
            with pytest.raises((TypeError, UnknownNameError)) as refusal:
                experiment.Config(**{field.name: value})
            # Of several values the one is shown that is none.
            received = repr(value[1] if isinstance(value, list) and len(value) > 1 else value)
            told = str(refusal.value)
            assert re.match(rf"(unknown |each of |){field.name} (must be a|)", told), told
            assert f"Received: {received}." in told or f"unknown {field.name} {received}." in told
    assert not list(tmp_path.iterdir())


def test_whole_numbers_of_numpy_and_lists_are_taken(experiment):
    given = {
        name: {tuple: list, int: np.int64}.get(type(value), lambda same: same)(value)
        for name, value in dataclasses.asdict(experiment.Config()).items()
    }
    assert dataclasses.asdict(experiment.Config(**given)) == given


def test_a_tiny_run(experiment):
    plan = experiment.prepare(experiment.Config(**TINY[experiment.name]))
    steps = []
    result = experiment.run(plan, steps.append)
    assert len(steps) == plan.steps
    assert all(isinstance(step, str) for step in steps)
    assert set(NUMBERS) <= set(result.table.columns)
    assert not result.table[labelsOf(result.table)].isna().any().any()
    assert not result.table.duplicated(labelsOf(result.table)).any()
    assert all(isinstance(array, np.ndarray) for array in result.arrays.values())
    assert isinstance(experiment.draw(result.table, result.arrays), Figure)


def test_the_same_seed_gives_the_same_table(experiment):
    config = experiment.Config(**TINY[experiment.name])
    one, two = (experiment.run(experiment.prepare(config), lambda words: None) for _ in range(2))
    pd.testing.assert_frame_equal(one.table, two.table, check_exact=True)
    other = dataclasses.replace(config, seed=config.seed + 1)
    other = experiment.run(experiment.prepare(other), lambda words: None)
    assert not one.table["measured"].equals(other.table["measured"])
