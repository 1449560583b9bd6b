"""The catalogue of what changes a whole network: called with one, and with data where needed."""

from __future__ import annotations

from lookslinear.catalogue.entry import Entry

#: What `training.rescaling` holds, under the names of `networkInitialisations` there. Each changes
#: weights that were drawn already, so that none has a variance of its own.
NETWORKS: tuple[Entry, ...] = (
    Entry(
        "layerSequentialUnitVariance",
        "orthonormal, each layer divided by the deviation of its output on data (LSUV)",
        references=("mishkin2016",),
        kind="network",
        needs_data=True,
    ),
    Entry(
        "rescaleAtObservations",
        "layers between two observations divided alike, for a variance of 1 on data",
        references=("balduzzi2017",),
        kind="network",
        needs_data=True,
        deterministic=True,
    ),
    Entry(
        "withinLayerCalibration",
        "each unit divided by its deviation and centred by its bias, on data",
        references=("krahenbuhl2016",),
        kind="network",
        needs_data=True,
        deterministic=True,
    ),
    Entry(
        "betweenLayerCalibration",
        "layers of a chain scaled to one relative rate of change, the function unchanged",
        references=("krahenbuhl2016",),
        kind="network",
        needs_data=True,
    ),
    Entry(
        "fixup",
        "last layers of residual branches 0, the others times L^(-1 / (2 m - 2)), classifier 0",
        references=("zhang2019",),
        kind="network",
        deterministic=True,
    ),
    Entry(
        "skipInit",
        "trained factors at the end of residual branches begin at 0",
        references=("de2020",),
        kind="network",
        deterministic=True,
    ),
    Entry(
        "reZero",
        "as skipInit, for networks without normalisation",
        references=("bachlechner2020",),
        kind="network",
        deterministic=True,
    ),
    Entry(
        "analyticRescaling",
        "each layer divided by the root of its predicted second moment, by this project's theory",
        references=("bingham2021",),
        kind="network",
        deterministic=True,
    ),
    Entry(
        "metaInit",
        "norms of weights learnt on random input, so that the gradient quotient falls",
        references=("dauphin2019",),
        kind="network",
    ),
)
