"""Where landscapes are computed, against a plain definition."""

from __future__ import annotations

from itertools import pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.run.landscape.lattice import (
    Cell,
    first_positions,
    leaf_cells,
    next_positions,
)


@st.composite
def grids(draw):
    """Return breaks of one or two axes, and a score for each position, None where there is none."""
    breaks = []
    for _ in range(draw(st.integers(1, 2))):
        last = draw(st.integers(1, 9))
        inner = draw(st.sets(st.integers(0, last), max_size=3))
        breaks.append(tuple(sorted({0, last} | inner)))
    every = list(product(*(range(one[-1] + 1) for one in breaks)))
    levels = st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
    values = draw(st.lists(levels, min_size=len(every), max_size=len(every)))
    return tuple(breaks), dict(zip(every, values, strict=True))


def impossible(scores):
    return {position: None for position, value in scores.items() if value is None}


def defined_leaves(breaks, known):
    """Return (start, stop) of all cells that are not split, by one pass after the other."""
    cells = [tuple(zip(*ends, strict=True)) for ends in product(*map(pairwise, breaks))]
    while True:
        parts = []
        for start, stop in cells:
            cuts = [sorted({a, (a + b) // 2, b}) for a, b in zip(start, stop, strict=True)]
            is_split = all(point in known for point in product(*cuts))
            is_split &= max(b - a for a, b in zip(start, stop, strict=True)) > 1
            ends = (
                product(*map(pairwise, cuts)) if is_split else [list(zip(start, stop, strict=True))]
            )
            parts += [tuple(zip(*one, strict=True)) for one in ends]
        if parts == cells:
            return cells
        cells = parts


def defined_next(breaks, known, most):
    """Return the positions of the next round, by sorting all cells that can be split."""
    first = set(product(*breaks)) - set(known)
    if first:
        return tuple(sorted(first))
    scored = {point: value for point, value in known.items() if value is not None}
    tops = {point for point, value in scored.items() if value == max(scored.values())}
    ranked = []
    for start, stop in defined_leaves(breaks, known):
        corners = set(product(*zip(start, stop, strict=True)))
        values = [scored[corner] for corner in corners if corner in scored]
        steps = [b - a for a, b in zip(start, stop, strict=True)]
        if max(steps) > 1 and values:
            cuts = [sorted({a, (a + b) // 2, b}) for a, b in zip(start, stop, strict=True)]
            order = (min(values) - max(values), [-n for n in sorted(steps)[::-1]], start)
            ranked.append((not corners & tops, *order, set(product(*cuts)) - set(known)))
    ranked.sort(key=lambda one: one[:-1])
    beside = [one for one in ranked if not one[0]]
    others = ranked[len(beside) :]
    chosen = set()
    for *_, wanted in beside + others[: -(-len(others) // 4)]:
        if len(chosen | wanted) > most:
            break
        chosen |= wanted
    return tuple(sorted(chosen))


def rounds(breaks, scores, most):
    """Yield (known before, positions) of every round until there is none."""
    known = impossible(scores)
    none = len(known)
    while positions := next_positions(breaks, known, most - (len(known) - none)):
        yield dict(known), positions
        known |= {position: scores[position] for position in positions}


@given(grids(), st.integers(0, 60))
def test_every_round_is_as_the_definition_has_it(grid, most):
    breaks, scores = grid
    none = len(impossible(scores))
    for known, positions in rounds(breaks, scores, most):
        assert positions == defined_next(breaks, known, most - (len(known) - none))
        cells = [(cell.start, cell.stop) for cell in leaf_cells(breaks, known)]
        assert cells == defined_leaves(breaks, known)


@given(grids(), st.integers(0, 60))
def test_points_are_possible_and_unique_and_no_more_than_asked_for_beside_the_first_grid(
    grid, most
):
    breaks, scores = grid
    found = [position for _, positions in rounds(breaks, scores, most) for position in positions]
    assert len(set(found)) == len(found)
    assert all(scores[position] is not None for position in found)
    first = [one for one in first_positions(breaks) if scores[one] is not None]
    assert set(first) <= set(found)
    assert len(found) <= max(most, len(first))


@given(grids())
def test_without_a_limit_no_cell_with_a_score_is_left_between_positions(grid):
    breaks, scores = grid
    known = impossible(scores)
    for _, positions in rounds(breaks, scores, len(scores)):
        known |= {position: scores[position] for position in positions}
    for cell in leaf_cells(breaks, known):
        assert not cell.can_split or all(known[corner] is None for corner in cell.corners)


@given(grids(), st.integers(0, 30), st.integers(0, 60))
def test_what_was_given_up_between_rounds_goes_on_where_it_was(grid, first, most):
    breaks, scores = grid
    whole = [positions for _, positions in rounds(breaks, scores, most)]
    known = impossible(scores)
    for positions in whole[: first % (len(whole) + 1)]:
        known |= {position: scores[position] for position in positions}
    left = whole[first % (len(whole) + 1) :]
    none = len(impossible(scores))
    for positions in left:
        assert next_positions(breaks, known, most - (len(known) - none)) == positions
        known |= {position: scores[position] for position in positions}


def test_the_steepest_cell_and_those_beside_the_best_are_split_first():
    known = {(0,): 0.5, (8,): 0.5, (16,): 0.1, (24,): 0.1, (32,): 0.6, (40,): 0.55}
    assert next_positions(((0, 8, 16, 24, 32, 40),), known, 9) == ((12,), (28,), (36,))
    assert next_positions(((0, 8, 16, 24, 32, 40),), known, 2) == ((28,), (36,))
    assert Cell((24,), (32,)).split() == (Cell((24,), (28,)), Cell((28,), (32,)))
