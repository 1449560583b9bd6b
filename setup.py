"""The distribution ``looks-linear``: its modules, packages and requirements, listed by hand."""

from pathlib import Path

from setuptools import setup

README = Path(__file__).with_name("README.md")

# Theano-PyMC supports neither Python 3.12 nor NumPy 1.24. On later Pythons the distribution
# installs without it: lookslinear works in full, and the rooms built on Theano refuse their import.
THEANO = 'python_version < "3.12"'

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
    py_modules=["initialisations", "initialising", "utilityFunctions"],
    packages=[
        "lookslinear",
        "lookslinear.initializers",
        "lookslinear.measures",
        "lookslinear.sampling",
        "lookslinear.theory",
        "layers",
        "experiments",
        "experiments.probes",
    ],
    package_data={"experiments": ["templates/*.html"]},
    python_requires=">=3.10",
    install_requires=[
        f"numpy>=1.22,<1.24; {THEANO}",
        'numpy>=1.22; python_version >= "3.12"',
        "scipy",
        f"theano-pymc==1.1.2; {THEANO}",
        f"scipy-openblas32; {THEANO}",
        "jinja2",
        "matplotlib",
        "pandas",
        "rich",
        "scikit-learn",
        "threadpoolctl",
        "tyro",
    ],
    extras_require={
        "test": [
            "hypothesis",
            "packaging",
            "pytest",
            "pyyaml",
            "ruff",
            "setuptools",
            "wheel",
        ],
    },
    entry_points={"console_scripts": ["looks-linear = experiments.__main__:main"]},
)
