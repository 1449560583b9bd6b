"""Random weight laws of every kind, for tests of what must hold for all of them."""

from hypothesis import strategies as st

from lookslinear.fans import LAYOUTS, axes_of
from lookslinear.laws import BLENDING, DTYPES, FAMILIES, INDEPENDENT, WeightLaw


@st.composite
def weight_laws(draw, least=0, most=5):
    """Laws of every layout, rank, family, arrangement and dtype; sides from `least` to `most`."""
    rank, layout = draw(st.integers(2, 5)), draw(st.sampled_from(sorted(LAYOUTS)))
    groups = draw(st.integers(1, 3)) if rank > 2 else 1
    axes = axes_of(rank, layout, groups)
    family, mirror = draw(st.sampled_from(FAMILIES)), draw(st.booleans())
    taps = draw(st.sampled_from(("all", "centre", "average") if rank > 2 else ("all", "centre")))
    sides = [draw(st.integers(2 if taps == "average" else least, most)) for _ in range(rank)]
    sides[axes.input] = draw(st.integers(least, most)) * (2 if mirror else 1)
    sides[axes.output] = draw(st.integers(least, most)) * groups
    sparsity = draw(st.sampled_from((0.0, 0.3, 0.8))) if family in INDEPENDENT else 0.0
    scale = draw(st.floats(0.01, 100))
    dtype = draw(st.sampled_from(DTYPES))
    means = st.sampled_from((0.0, scale, -2 * scale))
    mean = draw(means) if family in INDEPENDENT and not sparsity else 0.0
    if mirror and family in BLENDING and not (sparsity or mean):
        mirror = draw(st.sampled_from((True, 0.3, 0.95)))
    claims = {"mirror": mirror, "sparsity": sparsity, "dtype": dtype, "mean": mean}
    if groups == 1 and draw(st.booleans()):
        sides[axes.output] *= 2
        claims["mirror_outputs"] = True
    else:
        claims["blocks"] = draw(st.sampled_from((1, 1, 2)))
    claims["copies"] = draw(st.sampled_from((1, 1, 3)))
    sides[axes.output] *= claims.get("blocks", 1) * claims["copies"]
    if family == "truncated_normal":
        claims["truncation"] = draw(st.sampled_from((2.0, 0.5, 3.0)))
    return WeightLaw(tuple(sides), axes, family, scale, taps, **claims)


def law_between(
    inputs, outputs, family="normal", scale=0.3, sides=(), layout="theano", groups=1, **claims
):
    """The law of a weight with these stored channels and sides, in a layout."""
    axes = axes_of(2 + len(sides), layout, groups)
    shape = dict(zip(axes.receptive(2 + len(sides)), sides, strict=True))
    shape |= {axes.input: inputs, axes.output: outputs}
    return WeightLaw(
        tuple(shape[axis] for axis in range(len(shape))), axes, family, scale, **claims
    )
