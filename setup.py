"""The distribution ``looks-linear``: its modules, packages and requirements, listed by hand."""

from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

README = Path(__file__).with_name("README.md")

# Theano-PyMC supports neither Python 3.12 nor NumPy 1.24. On later Pythons the distribution
# installs without it: lookslinear works in full, and the rooms built on Theano refuse their import.
THEANO = 'python_version < "3.12"'


class BuildKernels(build_ext):
    """Tells compilers of GCC's kind what the kernels ask for; others may fail, and do no harm."""

    def build_extension(self, extension):
        if self.compiler.compiler_type == "unix":
            extension.extra_compile_args = EXACT_AND_FAST
        super().build_extension(extension)


# One file for all Pythons from 3.10 on; without it NumPy does the same, more slowly.
KERNELS = Extension(
    "lookslinear.sampling._kernels",
    ["lookslinear/sampling/kernels.c"],
    define_macros=[("Py_LIMITED_API", "0x030a0000")],
    py_limited_api=True,
    optional=True,
)
EXACT_AND_FAST = [
    "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fvisibility=hidden",
    "-Wno-psabi",
]  # fmt: skip

setup(
    name="looks-linear",
    version="0.1.0",
    description=(
        "Weight initialisation for dense and convolutional Theano networks: "
        "draw it, predict what it does to signal and gradient, and check it"
    ),
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    author="the looks-linear authors",
    license="MIT",
    keywords=["weight initialisation", "looks-linear", "deep learning", "theano", "orthogonal"],
    classifiers=[
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
    py_modules=["initialisations", "utilityFunctions"],
    packages=[
        "lookslinear",
        "lookslinear.catalogue",
        "lookslinear.initializers",
        "lookslinear.findings",
        "lookslinear.measures",
        "lookslinear.sampling",
        "lookslinear.theory",
        "preparing",
        "initialising",
        "initialising.promises",
        "layers",
        "experiments",
        "experiments.claims",
        "experiments.probes",
        "experiments.sweeps",
        "training",
        "training.rescaling",
    ],
    ext_modules=[KERNELS],
    cmdclass={"build_ext": BuildKernels},
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
    package_data={
        "experiments": ["templates/*"],
        "experiments.probes": ["*.c"],
        "layers": ["directly.c"],
    },
    python_requires=">=3.10",
    install_requires=[
        f"numpy>=1.22,<1.24; {THEANO}",
        'numpy>=1.22; python_version >= "3.12"',
        "scipy",
        f"theano-pymc==1.1.2; {THEANO}",
        f"scipy-openblas32; {THEANO}",
        "filelock",
        "jinja2",
        "matplotlib",
        "pandas",
        "pyyaml",
        "rich",
        "safetensors",
        "scikit-learn",
        "threadpoolctl",
        'tomli; python_version < "3.11"',
        "tyro",
    ],
    extras_require={
        # Where sweeps may run besides this machine: Dask, jobs of SLURM or PBS, Kubernetes, MPI.
        "cluster": ["distributed"],
        "jobqueue": ["dask-jobqueue"],
        "kubernetes": ["dask-kubernetes"],
        "mpi": ["mpi4py"],
        # The page of a sweep that `report` makes.
        "report": ["plotly"],
        # What the named data sets of experiments are read with.
        "data": ["pillow", "scikit-learn"],
        "test": [
            "distributed",
            "hypothesis",
            "packaging",
            "plotly",
            "pytest",
            "ruff",
            "setuptools",
            "wheel",
        ],
    },
    entry_points={"console_scripts": ["looks-linear = experiments.__main__:main"]},
)
