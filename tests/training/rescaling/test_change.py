"""The protocol of whole-network initialisations: names, tables, the way back, refusals."""

import inspect
import warnings

import numpy as np
import pytest

from layers import FC, CReLU, Representation, Sequential
from lookslinear.catalogue import CATALOGUE
from lookslinear.errors import UnknownNameError
from training.rescaling import Change, networkInitialisations
from training.rescaling.moments import Places

from .nets import UNITS, held, normal, residualNet

#: What keeps a test of each method short.
SHORT = {
    "layerSequentialUnitVariance": {"seed": 0, "batchSize": 16},
    "rescaleAtObservations": {"tolerance": 1e-3},
    "withinLayerCalibration": {"batchSize": 16},
    "betweenLayerCalibration": {"batchSize": 16, "seed": 0},
    "metaInit": {"steps": 1, "batchSize": 8, "seed": 0},
}
NAMES = sorted(networkInitialisations)
NEEDS_DATA = [name for name in NAMES if networkInitialisations[name].needsData]


def called(name, model, data=None, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # one step of MetaInit need not help
        return networkInitialisations[name](model, data, **SHORT.get(name, {}), **options)


@pytest.mark.parametrize("name", NAMES)
def test_eachChangesTheNetworkAndGivesItBackBitByBit(name):
    model, data = residualNet(), normal(48, UNITS)
    before = held(model)
    change = called(name, model, data if name in NEEDS_DATA else None)
    assert isinstance(change, Change)
    assert change.name == name
    assert held(model) != before
    table = change.table
    assert len(table) == len(change) > 0
    assert {"place", "layers", "quantity", "before", "after", "factor", "converged"} <= {*table}
    assert [str(row) in str(change) for row in change] == len(change) * [True]
    assert name in repr(change)
    for number in {number for row in change for number in row.layers}:
        assert model.layers[number].params, "the table names layers that have something to change"
    change.undo()
    assert held(model) == before


@pytest.mark.parametrize("name", NAMES)
def test_eachRefusesBeforeAnythingChanges(name):
    initialise, model = networkInitialisations[name], residualNet()
    before = held(model)
    known = [p for p in inspect.signature(initialise).parameters if p not in ("model", "data")]
    misspelt, hint = (f"{known[0]}s", f"Did you mean {known[0]!r}") if known else ("value", "none")
    with pytest.raises(TypeError, match=f"{name} has no option '{misspelt}'.*{hint}"):
        initialise(model, normal(48, UNITS), **{misspelt: 1})
    with pytest.raises(TypeError, match="model must be a Sequential"):
        initialise("model", normal(48, UNITS))
    with pytest.raises(ValueError, match="no input shape yet"):
        initialise(Sequential([FC(3)]))
    for bad, kind, message in (
        (np.full((48, UNITS), np.nan), ValueError, "data must be finite"),
        (normal(48, UNITS + 1), ValueError, rf"data must be \(samples, {UNITS}\)"),
        (normal(0, UNITS), ValueError, "at least one sample"),
        ((normal(48, UNITS), np.zeros(48)), TypeError, "without labels. Received: tuple"),
        (np.array([["a"] * UNITS]), TypeError, "real numbers"),
    ):
        with pytest.raises(kind, match=message):
            initialise(model, bad)
    assert held(model) == before
    with pytest.raises(ValueError, match=r"without weights|must have (observ|residual)|needs two"):
        called(name, CReLU()(Representation((UNITS,))), normal(48, UNITS))


@pytest.mark.parametrize("name", NEEDS_DATA)
def test_dataThatAreMissingAreAskedFor(name):
    with pytest.raises(ValueError, match=f"{name} needs data.*Received: None"):
        networkInitialisations[name](residualNet())


def test_theCatalogueHasEachWithWhatItNeeds():
    listed = {e.name: e.needs_data for e in CATALOGUE.values() if e.kind == "network"}
    assert listed == {name: networkInitialisations[name].needsData for name in NAMES}


def test_anUnknownNameIsRefusedWithTheNearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'skipInit'"):
        networkInitialisations["skipinit"]
    for name in (["fixup"], {"fixup"}, None, 3):
        with pytest.raises(UnknownNameError, match="unknown initialisation of networks"):
            networkInitialisations[name]


class Interrupting:
    """Ends a method in the middle: the second look at the data is interrupted."""

    def __init__(self, monkeypatch, kind):
        self.looks, honest = 0, Places.moments

        def moments(places, *arguments, **options):
            self.looks += 1
            if self.looks == 3:
                raise kind
            return honest(places, *arguments, **options)

        monkeypatch.setattr(Places, "moments", moments)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("name", ["layerSequentialUnitVariance", "withinLayerCalibration"])
def test_whatEndsInTheMiddleLeavesTheNetworkAsItWas(name, kind, monkeypatch):
    model = residualNet()
    before = held(model)
    Interrupting(monkeypatch, kind)
    with pytest.raises(kind):
        called(name, model, normal(48, UNITS))
    assert held(model) == before


def test_aDeadLayerBehindOthersLeavesThemAsTheyWere():
    model = residualNet()
    model.params[-2].set_value(np.zeros_like(model.params[-2].get_value()))
    before = held(model)
    with pytest.raises(ValueError, match=r"positive variance.*No weight was changed"):
        called("layerSequentialUnitVariance", model, normal(48, UNITS), orthonormal=False)
    with pytest.raises(ValueError, match="must have a weight that is not 0"):
        called("metaInit", model)
    with pytest.raises(ValueError, match=r"not a positive number.*No weight was changed"):
        called("analyticRescaling", model)
    assert held(model) == before
