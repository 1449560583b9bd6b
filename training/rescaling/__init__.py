"""Initialisations of whole networks, (model, data=None, **options) -> `Change`: weights rescaled.

They need the network, and some of them data, where the entries of `initialisations.initD` need
shapes alone. Each multiplies weights that were drawn already; biases stay unless the paper says
otherwise. What they return is a table of what was changed, with the way back, `undo()`. Where they
raise, nothing was changed.

- `unitVariance`: `layerSequentialUnitVariance` (LSUV), `rescaleAtObservations`
- `calibration`: `withinLayerCalibration`, `betweenLayerCalibration` (Krähenbühl et al.)
- `residual`: `fixup`, `skipInit`, `reZero`
- `analytic`: `analyticRescaling`, by the maps of `lookslinear.theory`, which `predicted` walks
- `metaInit`: `metaInit`, `gradientQuotient`
- `change`, `parts`, `moments`: what they share

Examples
--------
>>> from layers import FC, Representation, Residual
>>> y = Representation((4,))
>>> for _ in range(3):
...     y = Residual([FC(4), FC(4)], trainable=True)(y)
>>> change = networkInitialisations["skipInit"](y)
>>> change.converged, [row.after for row in change]
(True, [0.0, 0.0, 0.0])
>>> change.undo()
>>> [block.scale for block in y.layers[2::3]]
[1.0, 1.0, 1.0]
>>> networkInitialisations["fixUp"]
Traceback (most recent call last):
lookslinear.errors.UnknownNameError: unknown initialisation of networks 'fixUp'. Did you mean \
'fixup'? Known: analyticRescaling, betweenLayerCalibration, fixup, layerSequentialUnitVariance, \
metaInit, reZero, rescaleAtObservations, skipInit, withinLayerCalibration.
"""

from lookslinear.errors import known_name
from training.rescaling.analytic import analyticRescaling
from training.rescaling.calibration import betweenLayerCalibration, withinLayerCalibration
from training.rescaling.change import Change, Rescaled, networkInitialisation
from training.rescaling.metaInit import gradientQuotient, metaInit
from training.rescaling.residual import fixup, reZero, skipInit
from training.rescaling.unitVariance import layerSequentialUnitVariance, rescaleAtObservations


class NetworkInitialisations(dict):
    """Names to initialisations of whole networks; an unknown one is refused with the nearest."""

    def __getitem__(self, name):
        return super().__getitem__(known_name("initialisation of networks", name, self))


networkInitialisations = NetworkInitialisations(
    {
        function.__name__: function
        for function in (
            layerSequentialUnitVariance,
            rescaleAtObservations,
            withinLayerCalibration,
            betweenLayerCalibration,
            fixup,
            skipInit,
            reZero,
            analyticRescaling,
            metaInit,
        )
    }
)

__all__ = [
    "Change",
    "NetworkInitialisations",
    "Rescaled",
    "analyticRescaling",
    "betweenLayerCalibration",
    "fixup",
    "gradientQuotient",
    "layerSequentialUnitVariance",
    "metaInit",
    "networkInitialisation",
    "networkInitialisations",
    "reZero",
    "rescaleAtObservations",
    "skipInit",
    "withinLayerCalibration",
]
