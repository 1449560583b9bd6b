"""Downsampling: what strided average kernels do to the variance of images.

With `pooling=True` an orthogonal kernel stands on 2 x 2 taps, times g: a layer with strides of 2
adds up each block of four neighbours f, mixes the channels, and multiplies by g. A unit's second
moment grows by

    g^2 (4 + 12 rho),    rho = E f_i f_j / E f^2 over the pairs of a block

times Glorot's 2 n_in / (n_in + n_out), 1 for as many filters as channels. So g = 0.4 keeps the
variance at rho = 0.1875 and g = 0.28 at rho = 0.7296 alone; white noise has rho = 0, photographs
have more than 0.9. `poolingScale='auto'` takes g = 1 / sqrt(4 + 12 rho), for the `rho` it is told.

Real images are mixed with white noise, which makes any rho between 0 and theirs. Then they pass
several such layers, where the sums of their blocks become the next image: patches of photographs
differ in brightness more than inside, so that rho hardly changes with the scale, and 'auto', which
is told that of the images, keeps to 1.

With at least as many filters as channels a frame keeps the length of what it mixes: then networks
do not differ at all, and what is off by more than rounding is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import tyro
from matplotlib.figure import Figure

from utilityFunctions import compileFunction
from experiments.comparing import compared
from experiments.data import loadBatch
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.plotting import DASHES, colour, finishAxes, finishScores, keys, points
from experiments.precision import computing
from initialisations import initD
from layers import Activation, Convolution, Representation
from lookslinear.errors import real_number, whole_number
from lookslinear.laws import WeightLaw
from lookslinear.sampling import as_seed, child_seed, draw, standard_normal
from lookslinear.theory import Stage, forward_second_moments

NAME = "downsampling"
LINE = "Variance through strided average kernels against the correlation of neighbouring pixels."
ONE, MANY = "gain of one layer", "second moment after layers"
#: The options of `orthogonal` for each arm, and what stands before the weight.
ARMS = {
    "0.4": ("linear", {}),
    "0.28, mirrored": ("crelu", {"mirror": True}),
    "auto": ("linear", {"poolingScale": "auto"}),
}
# Which child of the seed draws what.
_DATA, _NOISE, _WEIGHTS = 0, 1, 2


@dataclass(frozen=True)
class Config(BaseConfig):
    """Which images, mixed with how much noise, through which layers."""

    data: Annotated[
        str,
        tyro.conf.arg(
            metavar="DATA",
            help="patches (32x32 colour patches of two photographs), digits (8x8), or the path of "
            "an .npz with an array x of images, samples first.",
        ),
    ] = "patches"
    image: Annotated[
        tuple[float, ...],
        tyro.conf.arg(help="Shares of the images in the variance; the rest is white noise."),
    ] = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
    layers: int = 4
    """Strided layers in a row; each halves the sides, which must stay even before it."""
    filters: int = 3
    """Channels that come out of each layer."""
    batch: int = 64
    """Images."""
    replicates: int = 8
    """Independent networks of each kind."""
    seed: int = 0
    """What images, noise and weights are drawn from: the same seed, the same numbers."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    images: np.ndarray
    noise: np.ndarray

    @property
    def steps(self) -> int:
        """One a network: of one layer for each mixture, and of all layers."""
        return len(ARMS) * (len(self.config.image) + 1) * self.config.replicates


def prepare(config: Config) -> Plan:
    """Check every argument and load the images; nothing is computed or written.

    Examples
    --------
    >>> prepare(Config(data="digits", layers=4))
    Traceback (most recent call last):
    ValueError: layers must be at most 3 for images of 8x8, whose sides are halved by each. \
Received: 4.
    """
    seed = as_seed(config.seed)
    for name in ("layers", "filters", "batch", "replicates"):
        whole_number(getattr(config, name), name)
    if not config.image or len(set(config.image)) < len(config.image):
        raise ValueError(f"image must hold different shares. Received: {config.image!r}.")
    for share in config.image:
        if not 0 <= real_number(share, "each share of image") <= 1:
            raise ValueError(f"each share of image must be from 0 to 1. Received: {share!r}.")
    images = loadBatch(config.data, config.batch, child_seed(seed, _DATA))
    _refuseMisfits(images, config)
    noise = standard_normal(images.shape, child_seed(seed, _NOISE), "float64")
    return Plan(config, images, noise)


def _refuseMisfits(images: np.ndarray, config: Config) -> None:
    if images.ndim != 4:
        raise ValueError(f"data must be images. Received: samples of shape {images.shape[1:]}.")
    rows, columns = images.shape[2:]
    most = min((side & -side).bit_length() - 1 for side in (rows, columns))
    if config.layers > most:
        raise ValueError(
            f"layers must be at most {most} for images of {rows}x{columns}, whose sides are halved "
            f"by each. Received: {config.layers}."
        )


def run(plan: Plan, advance: Callable[[str], None] = lambda words: None) -> Result:
    """Measure and predict every arm; `advance` is called after each network.

    Examples
    --------
    >>> config = Config(image=(0.0, 1.0), layers=1, batch=4, replicates=2)
    >>> set(run(prepare(config)).table["quantity"]) == {"gain of one layer", MANY}
    True
    """
    mixtures = [_mixed(plan, share) for share in plan.config.image]
    rhos = [neighbourCorrelation(x) for x in mixtures]
    tables = []
    with computing("float32"):
        for index, arm in enumerate(ARMS):
            tables.append(_tableOfOne(plan, index, arm, mixtures, rhos, advance))
            tables.append(_tableOfMany(plan, index, arm, advance))
    return Result(pd.concat(tables, ignore_index=True), {"rho": np.array(rhos)}, {})


def _mixed(plan: Plan, share: float) -> np.ndarray:
    return np.sqrt(share) * plan.images + np.sqrt(1 - share) * plan.noise


def neighbourCorrelation(x: np.ndarray) -> float:
    """rho of the disjoint 2 x 2 blocks of images: of what a strided average kernel adds up.

    Uncentred, the mean over all pairs of a block, channels and samples.

    Examples
    --------
    >>> neighbourCorrelation(np.ones((1, 1, 4, 4)))
    1.0
    """
    return float((np.mean(_blockSums(x) ** 2) / np.mean(x**2) - 4) / 12)


def _blockSums(x: np.ndarray) -> np.ndarray:
    samples, channels, rows, columns = x.shape
    return x.reshape(samples, channels, rows // 2, 2, columns // 2, 2).sum(axis=(3, 5))


def _law(shape: tuple[int, ...], filters: int, arm: str, rho: float) -> WeightLaw:
    """The claim of `orthogonal` for a strided layer that reads images of this shape."""
    activation, options = ARMS[arm]
    channels, rows, columns = shape
    doubled = channels * (2 if activation == "crelu" else 1)
    if options.get("poolingScale") == "auto":
        options = {**options, "rho": rho}
    outputShape = (filters, rows // 2, columns // 2)
    return initD["orthogonal"].law((doubled, rows, columns), outputShape, pooling=True, **options)


def predictedGain(law: WeightLaw, rho: float) -> float:
    """What the second moment of a unit is multiplied by.

    Examples
    --------
    >>> law = _law((2, 8, 8), 2, "0.28, mirrored", 0.0)
    >>> round(predictedGain(law, 0.0), 4), round(predictedGain(law, (1 / 0.28**2 - 4) / 12), 4)
    (0.3136, 1.0)
    """
    # After a CReLU the weight is mirrored, so that the images themselves are read.
    stage = Stage(law, "crelu" if law.mirror else "linear", stride=2, neighbour_correlation=rho)
    return float(np.mean(forward_second_moments([stage], np.ones((2, 2)))[0]))


class _Strided:
    """One strided layer, compiled once; its weight is drawn from a law."""

    def __init__(self, shape: tuple[int, ...], filters: int, arm: str):
        before = Representation(shape)
        self._layer = Convolution(filters, strides=(2, 2), bias=False, seed=0)
        after = self._layer(Activation(ARMS[arm][0])(before))
        self._compute = compileFunction([before.input], after.tensor)

    def __call__(self, x: np.ndarray, law: WeightLaw, seed) -> np.ndarray:
        self._layer.weight.set_value(draw(law, seed), borrow=True)
        return self._compute(x.astype("float32"))


def _tableOfOne(plan: Plan, index: int, arm: str, mixtures, rhos, advance) -> pd.DataFrame:
    """The gain of one layer against the correlation of neighbours."""
    config, shape = plan.config, plan.images.shape[1:]
    layer, gains, predicted = _Strided(shape, config.filters, arm), [], []
    for place, (x, rho) in enumerate(zip(mixtures, rhos, strict=True)):
        law = _law(shape, config.filters, arm, rho)
        predicted.append(predictedGain(law, rho))
        seeds = [_seed(config, index, place, n) for n in range(config.replicates)]
        gains.append([_meanSquare(layer(x, law, seed)) / _meanSquare(x) for seed in seeds])
        for _ in seeds:
            advance(f"{arm}, one layer")
    rounding = 10 * np.finfo("float32").eps * np.array(predicted)
    return compared(
        ONE, np.round(rhos, 4), np.array(gains).T, predicted, rounding=rounding, arm=arm
    )


def _tableOfMany(plan: Plan, index: int, arm: str, advance) -> pd.DataFrame:
    """The second moment of the images themselves after each of several layers.

    'auto' is told the rho of the images, and keeps to it.
    """
    config, x, moments = plan.config, plan.images, []
    chain, predicted = _chain(plan, arm)
    for replicate in range(config.replicates):
        signal, found = x, []
        for l, (layer, law) in enumerate(chain):
            signal = layer(signal, law, _seed(config, index, len(config.image) + l, replicate))
            found.append(_meanSquare(signal))
        moments.append(np.log(found))
        advance(f"{arm}, {config.layers} layers")
    places = np.arange(1, config.layers + 1)
    rounding = 10 * np.finfo("float32").eps * places
    return compared(
        MANY, places, np.array(moments), predicted, scale="products", rounding=rounding, arm=arm
    )


def _chain(plan: Plan, arm: str) -> tuple[list[tuple[_Strided, WeightLaw]], np.ndarray]:
    """Layers with their laws, and the second moments that they leave.

    Channels are mixed by frames, which changes no covariance of positions, summed over channels, in
    the mean: so the blocks' sums of the images tell what every later layer will meet.
    """
    shape, sums, told = plan.images.shape[1:], plan.images, neighbourCorrelation(plan.images)
    chain, moment, moments = [], _meanSquare(plan.images), []
    for _ in range(plan.config.layers):
        law = _law(shape, plan.config.filters, arm, told)
        chain.append((_Strided(shape, plan.config.filters, arm), law))
        moment *= predictedGain(law, neighbourCorrelation(sums))
        moments.append(moment)
        sums = _blockSums(sums)
        shape = (plan.config.filters, shape[1] // 2, shape[2] // 2)
    return chain, np.array(moments)


def _seed(config: Config, *path: int):
    return child_seed(as_seed(config.seed), _WEIGHTS, *path)


def _meanSquare(x: np.ndarray) -> float:
    return float(np.mean(np.square(x, dtype=float)))


def figure(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """The gain against rho, with the places where it is 1; the images through many layers."""
    drawn = Figure(figsize=(10, 5.8), layout="constrained")
    (gains, moments), strips = drawn.subplots(2, 2, height_ratios=(4, 1))
    for axes, strip, quantity in zip((gains, moments), strips, (ONE, MANY), strict=True):
        rows = table[table["quantity"] == quantity]
        for index, (arm, own) in enumerate(rows.groupby("arm", sort=False)):
            _drawArm(axes, strip, own.sort_values("where"), index, arm)
        axes.axhline(1, color="0.5", linewidth=0.8)
    for correct in (0.1875, 0.7296):
        gains.axvline(correct, color="0.5", linewidth=0.8, linestyle=":")
        gains.annotate(f" {correct}", (correct, 0.22), fontsize=8, color="0.3")
    moments.set_yscale("log")
    finishAxes(gains, "one layer, images mixed with noise", "gain of the second moment")
    finishAxes(moments, "the images through several layers", "second moment")
    for axes, strip, label in zip(
        (gains, moments), strips, ("correlation rho of neighbours", "layer"), strict=True
    ):
        axes.set_xlabel(label)
        finishScores(strip, label)
    layers = sorted(set(table[table["quantity"] == MANY]["where"].astype(int)))
    for axes in (moments, strips[1]):
        axes.set_xticks(layers)
    gains.legend(loc="upper center", frameon=False, fontsize=8, title="poolingScale")
    drawn.legend(
        handles=keys("measured, ± standard error"),
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    return drawn


def _drawArm(axes, strip, rows: pd.DataFrame, index: int, arm: str) -> None:
    axes.plot(rows["where"], rows["predicted"], color=colour(index), linestyle=DASHES, lw=1.3)
    axes.errorbar(
        rows["where"],
        rows["measured"],
        rows["standard_error"],
        linestyle="none",
        elinewidth=1,
        label=arm,
        **points(index),
    )
    strip.plot(rows["where"], rows["z"], ".", color=colour(index), markersize=5)


EXPERIMENT = Experiment(NAME, LINE, Config, prepare, run, figure, __doc__)
