"""What is drawn and how fast it should be: the cases, their shapes and their goals."""

import math
from dataclasses import dataclass

#: Sides of square weights; those below 64 only show how the time grows.
SIDES = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
#: A dense weight, and a kernel of 3 x 3 between 512 channels as Keras flattens it.
OBLONGS = ((4096, 1024), (4608, 512))
#: How many independent entries; those below 1e5 only show how the time grows.
EXPONENTS = (3, 4, 5, 6, 7, 8)
ENTRIES = ("normal", "uniform", "truncated normal")
#: Laws that initD has, with plain normals as in the papers, and PyTorch too.
PLAIN = ("glorotNormal", "glorotUniform", "heNormal", "heUniform")
#: Laws of the classes in Keras, whose normals are truncated, and in JAX.
KERAS = ("truncated glorotNormal", "glorotUniform", "truncated heNormal", "heUniform")
RESNET, SMALL, FEW = "ResNet-50", "small", 64
#: Limits of the machine; they are measured like laws.
PRODUCT, WRITE = "matrix product", "memory write"
LIMITS = {PRODUCT: SIDES[3:], WRITE: EXPONENTS}
DTYPES = ("float32", "float64")
#: How close to NumPy's own call a small draw is, in seconds.
NEAR = 20e-6

#: Goal -> how many times as fast as the fastest peer, in each dtype.
GOALS = {
    "orthogonal, n = 64 to 256": {"float32": 1.0, "float64": 1.0},
    "orthogonal, n = 512 and 1024": {"float32": 2.0, "float64": 1.5},
    "orthogonal, n = 2048 and 4096": {"float32": 3.0, "float64": 1.5},
    "orthogonal, 4096 x 1024 and 4608 x 512": {"float32": 3.0, "float64": 1.5},
    "normal, 1e5 to 1e8": {"float32": 2.0, "float64": 1.5},
    "uniform, 1e5 to 1e8": {"float32": 2.0, "float64": 1.5},
    "truncated normal, 1e5 to 1e8": {"float32": 3.0, "float64": 1.5},
    "ResNet-50 through `initD`": {"float32": 2.0, "float64": 1.5},
    "ResNet-50 through `lookslinear.initializers`": {"float32": 2.0, "float64": 1.5},
}
#: The least share of the matrix product's rate, at 4/3 n^3 operations for n = 4096 in float32.
PRODUCT_SHARE = 0.5


@dataclass(frozen=True)
class Case:
    """A law drawn once for each of the shapes, which are in Keras's layout.

    `ours` is the library of ours that draws it. `rival` is what else the same process can do: then
    no other library is asked.
    """

    law: str
    work: str
    shapes: tuple
    dtype: str = "float32"
    ours: str = "lookslinear"
    goal: str = ""
    rival: str = ""

    @property
    def numbers(self):
        """How many numbers the weights hold."""
        return sum(map(math.prod, self.shapes))

    def cost(self, squares=False):
        """What the time of large weights is in proportion to, within a law and a library.

        `squares` says that the library turns n x k into a square of the longer side first.
        """
        if self.law not in ("orthogonal", PRODUCT):
            return self.numbers
        return sum(max(s) ** 3 if squares else math.prod(s) * min(s) for s in self.shapes)


def resnet50():
    """The weights of ResNet-50 in Keras's layout: 53 convolutions and a classifier.

    He et al. 2015, arXiv 1512.03385, table 1; 25.5 million parameters, without batch norm's.
    """
    shapes, channels = [(7, 7, 3, 64)], 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            shapes += [(1, 1, channels, width), (3, 3, width, width), (1, 1, width, 4 * width)]
            if not block:
                shapes.append((1, 1, channels, 4 * width))  # the shortcut's projection
            channels = 4 * width
    return (*shapes, (2048, 1000))


def allCases(dtype):
    """The cases of a full run in this dtype, small ones before large ones within each law."""
    cases = [*orthogonal(dtype), *independent(dtype), *networks(dtype), *limits(dtype)]
    if dtype == "float32":
        return [*cases, *small()]
    return [case for case in cases if case.goal or _isLastProduct(case)]


def _isLastProduct(case):
    return case.law == PRODUCT and case.shapes[0][0] == LIMITS[PRODUCT][-1]


def quickCases(dtype):
    """One size of each law, in float32: no more than a minute's."""
    if dtype != "float32":
        return []
    works = {"512 x 512", "1e6 numbers", f"{FEW} numbers"}
    cases = [case for case in allCases(dtype) if case.law not in LIMITS]
    return [case for case in cases if case.work in works or case.law == "heNormal"]


def orthogonal(dtype):
    """Square weights, then two oblong ones."""
    shapes = [(n, n) for n in SIDES] + list(OBLONGS)
    works = [f"{rows} x {columns}" for rows, columns in shapes]
    return [
        Case("orthogonal", work, (shape,), dtype, goal=_orthogonalGoal(*shape))
        for work, shape in zip(works, shapes, strict=True)
    ]


def _orthogonalGoal(rows, columns):
    if rows != columns:
        return "orthogonal, 4096 x 1024 and 4608 x 512"
    if rows < 64:
        return ""
    span = "64 to 256" if rows <= 256 else "512 and 1024" if rows <= 1024 else "2048 and 4096"
    return f"orthogonal, n = {span}"


def independent(dtype):
    """Vectors of independent entries."""
    return [
        Case(law, f"1e{power} numbers", ((10**power,),), dtype, goal=_independentGoal(law, power))
        for law in ENTRIES
        for power in EXPONENTS
    ]


def _independentGoal(law, power):
    return f"{law}, 1e5 to 1e8" if power >= 5 else ""


def networks(dtype):
    """All weights of ResNet-50, through both of our faces."""
    count = len(PLAIN) if dtype == "float32" else 2  # a normal one and a uniform one say it again
    faces = {"initD": PLAIN[:count], "lookslinear.initializers": KERAS[:count]}
    return [
        Case(law, RESNET, resnet50(), dtype, ours=face, goal=f"{RESNET} through `{face}`")
        for face, laws in faces.items()
        for law in laws
    ]


def limits(dtype):
    """Matrix products of square weights, and memory that is taken and written once."""
    products = [Case(PRODUCT, f"{n} x {n}", ((n, n),), dtype) for n in LIMITS[PRODUCT]]
    return products + [
        Case(WRITE, f"1e{power} numbers", ((10**power,),), dtype) for power in LIMITS[WRITE]
    ]


def small():
    """A few numbers from a Generator that is there, beside NumPy's own call on it."""
    return [
        Case(f"{SMALL} {law}", f"{FEW} numbers", ((FEW,),), rival=f"{SMALL} {law}, NumPy")
        for law in ("normal", "uniform")
    ]
