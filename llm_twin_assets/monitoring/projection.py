"""Embeddings in two dimensions that stay where they are: the axes are the reference's."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Projection:
    """The first two principal axes of a reference: centre [d], axes [2, d], shares [2] of its variance."""

    centre: NDArray[np.floating]
    axes: NDArray[np.floating]
    shares: NDArray[np.floating]

    def of(self, vectors: NDArray[np.floating]) -> NDArray[np.floating]:
        """Where vectors [n, d] lie on the axes: [n, 2]."""
        places: NDArray[np.floating] = (vectors - self.centre) @ self.axes.T
        return places


def fixed_on(reference: NDArray[np.floating]) -> Projection:
    """The projection of a reference [n, d], n and d at least 2; the same for the same rows in any order.

    An axis may point either way, so the larger end of each is made positive.
    """
    centre = reference.mean(axis=0)
    centred = (reference - centre).astype(np.float64)
    variances, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :2].T
    ends = np.take_along_axis(axes, np.abs(axes).argmax(axis=1, keepdims=True), axis=1)
    shares = variances[::-1][:2] / variances.sum()
    return Projection(centre, axes * np.sign(ends), shares)
