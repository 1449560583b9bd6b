"""Spectra of operators too large to write down, (matvec, probes) -> a quadrature of their density.

The probes are handed in: nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lookslinear.errors import whole_number
from lookslinear.measures.scores import Estimate, estimate

#: Below this share of the operator's size a new direction is rounding: the old ones span all.
ROUNDING = 1e-10


class Quadrature(NamedTuple):
    """Nodes and weights, arrays (probes, steps): each probe's view of the spectral density.

    The weights of a probe sum to 1.
    """

    nodes: np.ndarray
    weights: np.ndarray

    def moments(self, orders: Sequence[int]) -> Estimate:
        """The normalised traces tr A^k / n, with errors over the probes; exact up to 2 steps - 1.

        Examples
        --------
        >>> Quadrature(np.array([[1.0, 3.0]]), np.array([[0.5, 0.5]])).moments([1, 2]).value
        array([2., 5.])
        """
        powers = self.nodes[..., None] ** np.asarray(orders)
        return estimate(np.einsum("ps,psk->pk", self.weights, powers))

    def distribution(self, points: np.ndarray) -> Estimate:
        """The share of eigenvalues up to each point, with errors over the probes.

        Examples
        --------
        >>> halves = Quadrature(np.array([[1.0, 3.0]]), np.array([[0.5, 0.5]]))
        >>> halves.distribution([0, 2, 4]).value
        array([0. , 0.5, 1. ])
        """
        below = self.nodes[..., None] <= np.asarray(points, dtype=float)
        return estimate(np.einsum("ps,psk->pk", self.weights, below))


def lanczos_spectrum(
    matvec: Callable[[np.ndarray], np.ndarray], probes: np.ndarray, steps: int
) -> Quadrature:
    """The spectral density of a symmetric operator A by stochastic Lanczos quadrature.

    For a random v with independent entries of mean 0 and variance 1,

    .. math:: \\frac{1}{n} \\operatorname{tr} f(A) = E \\frac{v^T f(A) v}{v^T v}
              \\approx \\sum_j w_j f(\\lambda_j)

    (exactly so in expectation for normal v), where the nodes are the eigenvalues of the tridiagonal
    matrix that `steps` steps of Lanczos make of A and v, and the weights the squared first entries
    of its eigenvectors. All probes go side by side, each basis orthogonalised twice against itself.

    Parameters
    ----------
    matvec : callable
        From vectors as rows, (probes, n), to A applied to each. For the squared singular values of
        J: v -> J^T (J v).
    probes : array of shape (probes, n)
        Random vectors, none of them 0.
    steps : int
        At most n; the basis takes probes * steps * n numbers.

    Returns
    -------
    Quadrature
        Where the Krylov space of a probe ends early the rest of its nodes have weight 0.

    Raises
    ------
    ValueError, TypeError
        For probes of another rank or of length 0, and steps below 1 or above n.

    References
    ----------
    Golub and Welsch 1969, Math. Comp. 23, 221-230 (nodes and weights); Ubaru, Chen, Saad 2017, SIAM
    J. Matrix Anal. Appl. 38, 1075-1099 (the error with random probes).

    Examples
    --------
    >>> eigenvalues = np.array([0.0, 1.0, 1.0, 4.0])
    >>> found = lanczos_spectrum(lambda v: v * eigenvalues, np.ones((1, 4)), steps=3)
    >>> found.moments([1, 2, 3]).value.round(12)
    array([ 1.5,  4.5, 16.5])
    """
    probes = np.asarray(probes, dtype=float)
    if probes.ndim != 2 or not np.square(probes).sum(axis=1).all():
        raise ValueError(
            f"probes must be rows (probes, n), none of them 0. Received: shape {probes.shape}."
        )
    if whole_number(steps, "steps") > probes.shape[1]:
        raise ValueError(
            f"steps must be at most {probes.shape[1]}, the operator's size. Received: {steps}."
        )
    nodes, vectors = np.linalg.eigh(_tridiagonal(matvec, probes, steps))
    return Quadrature(nodes, np.square(vectors[:, 0]))


def _tridiagonal(
    matvec: Callable[[np.ndarray], np.ndarray], probes: np.ndarray, steps: int
) -> np.ndarray:
    """The matrices (probes, steps, steps) of A in each probe's Krylov basis."""
    matrices = np.zeros((len(probes), steps, steps))
    basis = np.zeros((len(probes), steps, probes.shape[1]))
    basis[:, 0] = probes / np.linalg.norm(probes, axis=1, keepdims=True)
    for step in range(steps):
        image = np.asarray(matvec(basis[:, step]), dtype=float)
        matrices[:, step, step] = np.einsum("pn,pn->p", image, basis[:, step])
        if step + 1 == steps:
            break
        size = np.linalg.norm(image, axis=1)
        rest = _orthogonal(_orthogonal(image, basis[:, : step + 1]), basis[:, : step + 1])
        norms = np.linalg.norm(rest, axis=1)
        going = norms > ROUNDING * size
        matrices[:, step, step + 1] = matrices[:, step + 1, step] = np.where(going, norms, 0)
        basis[going, step + 1] = rest[going] / norms[going, None]
    return matrices


def _orthogonal(vectors: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """What is left of each probe's vector outside the span of its orthonormal basis."""
    parts = basis @ vectors[:, :, None]
    return vectors - (parts.transpose(0, 2, 1) @ basis)[:, 0]
