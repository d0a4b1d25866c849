"""Betti matching as it is defined, by linear algebra over F2. Slow; for volumes of a few voxels.

Chains are Python integers, one bit a cell. Nothing here knows of duality, union-find or forests.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np

Cell = tuple[tuple[int, int, int], tuple[int, ...]]
"""Smallest vertex (z, y, x), and the axes along which the cell extends."""

# Cells with the same smallest vertex come in this order: edges by direction; squares by normal.
AXES_OF_DIMENSION = {
    0: [()],
    1: [(0,), (1,), (2,)],
    2: [(1, 2), (0, 2), (0, 1)],
    3: [(0, 1, 2)],
}


class Echelon:
    """A subspace of F2^n that grows."""

    def __init__(self) -> None:
        self.rows: dict[int, int] = {}

    def add(self, chain: int) -> bool:
        """Add a chain to the span; return whether the span has grown."""
        while chain:
            pivot = chain.bit_length()
            if pivot not in self.rows:
                self.rows[pivot] = chain
                return True
            chain ^= self.rows[pivot]
        return False


class Complex:
    """All cells of a box of voxels, and which of them belong to a mask."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.cells = [
            [
                (vertex, axes)
                for vertex in product(*(range(length) for length in shape))
                for axes in AXES_OF_DIMENSION[dimension]
                if all(vertex[axis] + 1 < shape[axis] for axis in axes)
            ]
            for dimension in range(4)
        ]
        self.index = [{cell: k for k, cell in enumerate(cells)} for cells in self.cells]

    def boundary(self, dimension: int, cell: Cell) -> int:
        """Return the boundary of a cell as a chain of one dimension less."""
        vertex, axes = cell
        chain = 0
        for axis in axes:
            face_axes = tuple(other for other in axes if other != axis)
            for step in (0, 1):
                face = tuple(v + step * (k == axis) for k, v in enumerate(vertex))
                chain ^= 1 << self.index[dimension - 1][face, face_axes]
        return chain

    def is_foreground(self, mask: np.ndarray, cell: Cell) -> bool:
        """Return whether all vertices of the cell are in the mask."""
        vertex, axes = cell
        subsets = [c for n in range(len(axes) + 1) for c in combinations(axes, n)]
        return all(mask[tuple(v + (k in c) for k, v in enumerate(vertex))] for c in subsets)

    def foreground(self, mask: np.ndarray, dimension: int) -> list[Cell]:
        """Return the cells of the mask in raster order."""
        return [cell for cell in self.cells[dimension] if self.is_foreground(mask, cell)]

    def cycles(self, mask: np.ndarray, dimension: int) -> list[int]:
        """Return a basis of the cycles of the mask."""
        if dimension == 0:
            return [1 << self.index[0][cell] for cell in self.foreground(mask, 0)]
        # Column reduction, remembering which cells a column is the sum of.
        reduced: dict[int, tuple[int, int]] = {}
        basis = []
        for cell in self.foreground(mask, dimension):
            chain, sources = self.boundary(dimension, cell), 1 << self.index[dimension][cell]
            while chain and chain.bit_length() in reduced:
                other, other_sources = reduced[chain.bit_length()]
                chain, sources = chain ^ other, sources ^ other_sources
            if chain:
                reduced[chain.bit_length()] = chain, sources
            else:
                basis.append(sources)
        return basis

    def betti(self, mask: np.ndarray, dimension: int) -> int:
        """Return a Betti number of the mask."""
        boundaries = Echelon()
        rank = sum(
            boundaries.add(self.boundary(dimension + 1, cell))
            for cell in self.foreground(mask, dimension + 1)
        )
        return len(self.cycles(mask, dimension)) - rank

    def deaths(self, mask: np.ndarray, union: np.ndarray, dimension: int) -> set[Cell]:
        """Return the cells at which the rank of H(mask) -> H(union and all added cells) drops."""
        boundaries, with_cycles = Echelon(), Echelon()
        for chain in self.cycles(mask, dimension):
            with_cycles.add(chain)
        for cell in self.foreground(union, dimension + 1):
            chain = self.boundary(dimension + 1, cell)
            boundaries.add(chain)
            with_cycles.add(chain)
        dying = set()
        for cell in self.cells[dimension + 1]:
            if self.is_foreground(union, cell):
                continue
            chain = self.boundary(dimension + 1, cell)
            grows = boundaries.add(chain)
            if grows and not with_cycles.add(chain):
                dying.add(cell)
        return dying


def match_counts(prediction: np.ndarray, label: np.ndarray) -> list[tuple[int, int, int]]:
    """Return (matched, predicted, true) for the dimensions 0, 1, 2."""
    box = Complex(prediction.shape)
    union = prediction | label
    counts = []
    for dimension in range(3):
        features = [box.betti(mask, dimension) for mask in (prediction, label)]
        if dimension == 0:  # one component never dies
            features = [max(number - 1, 0) for number in features]
        matched = box.deaths(prediction, union, dimension) & box.deaths(label, union, dimension)
        counts.append((len(matched), features[0], features[1]))
    return counts
