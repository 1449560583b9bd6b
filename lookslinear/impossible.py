"""Claims that no tensor can keep, WeightLaw -> nothing, or a refusal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lookslinear.errors import real_number, whole_number
from lookslinear.families import (
    BLENDING,
    FIXED,
    INDEPENDENT,
    TRUNCATION,
    independent_share,
    refuse_bad_bound,
)
from lookslinear.fans import fans

if TYPE_CHECKING:
    from lookslinear.laws import WeightLaw


def refuse_impossible(law: WeightLaw) -> None:
    """Raises ValueError or TypeError for a law that contradicts itself."""
    _refuse_bad_numbers(law)
    _refuse_bad_truncation(law)
    _refuse_impossible_shapes(law)
    _refuse_bad_outputs(law)
    if law.partly_mirrored:
        _refuse_bad_blends(law)


def _refuse_bad_numbers(law: WeightLaw) -> None:
    real_number(law.scale, "scale", least=-math.inf if law.family in FIXED else 0)
    if not 0 <= real_number(law.sparsity, "sparsity") < 1:
        raise ValueError(f"sparsity must be in [0, 1). Received: {law.sparsity!r}.")
    if law.sparsity and law.family not in INDEPENDENT:
        raise ValueError(f"sparsity needs independent entries. Received: family {law.family!r}.")
    if real_number(law.mean, "mean") and (law.family not in INDEPENDENT or law.sparsity):
        raise ValueError(
            f"a mean needs independent entries, none of them cut. Received: family "
            f"{law.family!r}, sparsity {law.sparsity}."
        )


def _refuse_bad_truncation(law: WeightLaw) -> None:
    refuse_bad_bound(law.truncation, "truncation")
    if law.truncation != TRUNCATION and law.family != "truncated_normal":
        raise ValueError(
            f"only a 'truncated_normal' is cut. Received: truncation {law.truncation}, family "
            f"{law.family!r}."
        )


#: The independent part of a half, in units of the dtype's rounding, from which it can be read off.
_LEGIBLE = 64


def _refuse_bad_blends(law: WeightLaw) -> None:
    """A degree between 0 and 1 is for families of a known blend, and what the dtype resolves."""
    if law.family not in BLENDING or law.sparsity or law.mean:
        raise ValueError(
            f"a mirror between 0 and 1 adds two draws, so it needs normal entries of mean 0, none "
            f"of them cut, or Haar frames. Received: mirror {law.mirror}, family {law.family!r}, "
            f"sparsity {law.sparsity}, mean {law.mean}. Use mirror=True, or normal entries."
        )
    if independent_share(law.mirror) < _LEGIBLE * np.finfo(law.dtype).eps:
        raise ValueError(
            f"a mirror of {law.mirror} cannot be told from 1 in {law.dtype}. Use mirror=True."
        )


def _refuse_impossible_shapes(law: WeightLaw) -> None:
    rank = len(law.shape)
    if max(law.axes.named, default=-1) >= rank:
        raise ValueError(f"axes must be axes of the shape {law.shape}. Received: {law.axes}.")
    if not law.axes.matrix and not _of_loose_entries(law):
        raise ValueError(
            f"only independent or equal entries, and frames that read and write some axes and have "
            f"no batch, on all taps, whole and not mirrored, go without one input and one output "
            f"axis. Received: shape {law.shape}, {law.axes}."
        )
    if law.mirror and law.shape[law.axes.input] % 2:
        raise ValueError(
            f"mirror needs an even number of input channels, as CReLU gives. "
            f"Received: {law.shape[law.axes.input]}."
        )
    if law.taps == "average" and min(law.receptive_field, default=0) < 2:
        raise ValueError(
            f"an average over two taps an axis needs a filter of at least 2 along each axis. "
            f"Received: {law.receptive_field}."
        )
    fans(law.unmirrored_shape, law.axes)


def _refuse_bad_outputs(law: WeightLaw) -> None:
    """What is said of output channels must fit their number."""
    whole_number(law.blocks, "blocks")
    whole_number(law.copies, "copies")
    if not isinstance(law.mirror_outputs, bool):
        raise TypeError(f"mirror_outputs must be True or False. Received: {law.mirror_outputs!r}.")
    if law.mirror_outputs and law.pieces != 1:
        raise ValueError(
            f"outputs are mirrored as a whole, not in groups or blocks. Received: "
            f"{law.axes.groups} groups, {law.blocks} blocks."
        )
    needed = (2 if law.mirror_outputs else 1) * law.copies * law.pieces
    if law.output_channels % needed:
        raise ValueError(
            f"the output channels must split evenly: into groups, blocks, mirrored halves and "
            f"copies. Received: {law.output_channels} channels for a multiple of {needed}."
        )


def _of_loose_entries(law: WeightLaw) -> bool:
    """Whether the arrangement needs no one input and one output axis.

    Where no entry says anything of another channels matter for the fans alone, and a frame may read
    and write several axes.
    """
    arranged = law.mirror or law.sparsity or law.taps != "all" or law.pieces != 1
    if arranged or law.mirror_outputs or law.copies != 1:
        return False
    if law.family == "haar":
        return bool(law.axes.inputs and law.axes.outputs and not law.axes.batch)
    return law.family in (*INDEPENDENT, "constant")
