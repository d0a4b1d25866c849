"""Draw the rooms of the package from the contracts between them, which `pyproject.toml` states."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from html import escape
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "napari_nx46"
DRAWING = re.compile(r"<!-- the rooms -->\n+(?: {4}.*\n|\n)+")
"""In the page: the same in plain text, for readers of the file."""
ROW = re.compile(r"^\| `(\w+)` \| ([^.:;|(]+)", flags=re.MULTILINE)
"""Of the table of rooms: the name, and the first words of what is in it."""

WORDS = 44
"""The column of the drawing in plain text where the words on a floor begin."""

WIDTH, GAP, HEIGHT, PADDING = 880, 14, 56, 10
LETTER = 6.6
"""Mean width of a letter of the smaller text."""


@dataclass(frozen=True)
class Rooms:
    """What the contracts say.

    Parameters
    ----------
    floors : tuple of tuple of str
        The rooms of each floor, the highest first; a room imports only from floors below its own.
    with_windows : set of str
        Rooms that may import Qt and napari.
    without_files : set of str
        Rooms that may not import what reads files.
    """

    floors: tuple[tuple[str, ...], ...]
    with_windows: frozenset[str]
    without_files: frozenset[str]


def read_rooms(project: Path = ROOT / "pyproject.toml") -> Rooms:
    """Return the rooms of the import contracts."""
    contracts = tomllib.loads(project.read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers, windows, files = contracts
    floors = tuple(
        tuple(re.findall(r"\w+", layer)) for layer in layers["layers"] if layer != "__main__"
    )
    allowed = (one.split(" -> ")[0] for one in windows["ignore_imports"] if one.endswith("-> *"))
    return Rooms(
        floors,
        frozenset(module.split(".")[1] for module in allowed),
        frozenset(module.split(".")[1] for module in files["source_modules"]),
    )


def draw_rooms(page: str) -> str:
    """Return a page with the rooms drawn as SVG, in place of the drawing in plain text."""
    return DRAWING.sub(lambda _: svg(read_rooms(), dict(ROW.findall(page))), page)


def svg(rooms: Rooms, words: dict[str, str]) -> str:
    """Return the floors above each other, an arrow between them, in the colour of the text."""
    parts: list[str] = []
    for floor, names in enumerate(rooms.floors):
        top = floor * (HEIGHT + 2 * GAP)
        width = (WIDTH - GAP * (len(names) - 1)) / len(names)
        for at, name in enumerate(names):
            parts += room(name, words.get(name, ""), rooms, at * (width + GAP), top, width)
        if floor + 1 < len(rooms.floors):
            start, end = top + HEIGHT + 4, top + HEIGHT + 2 * GAP - 4
            parts.append(
                f'<path d="M{WIDTH / 2} {start}V{end}m-5 -6l5 6l5 -6" fill="none"'
                ' stroke="currentColor"/>'
            )
    height = len(rooms.floors) * (HEIGHT + 2 * GAP) - 2 * GAP
    return (
        f'\n<svg viewBox="-1 -1 {WIDTH + 2} {height + 2}" role="img" width="100%"'
        ' aria-label="The rooms, each above those that it may import from">'
        f"{''.join(parts)}</svg>\n\n"
        "Each room may import from all floors below its own. A thick frame: Qt and napari may be"
        " imported; a dashed one: no file is opened.\n\n"
    )


def room(name: str, words: str, rooms: Rooms, left: float, top: float, width: float) -> list[str]:
    """Return the box of a room, its name, and what is in it in at most two lines."""
    frame = 3.0 if name in rooms.with_windows else 1.2
    dashes = ' stroke-dasharray="6 4"' if name in rooms.without_files else ""
    lines = wrap(words.strip().replace("`", ""), int((width - 2 * PADDING) / LETTER))
    middle = left + width / 2

    def text(line: str, row: int, style: str) -> str:
        y = top + 24 + 19 * row
        return (
            f'<text x="{middle:g}" y="{y:g}" text-anchor="middle" fill="currentColor"'
            f" {style}>{escape(line)}</text>"
        )

    return [
        f'<rect x="{left:g}" y="{top}" width="{width:g}" height="{HEIGHT}" rx="6" fill="none"'
        f' stroke="currentColor" stroke-width="{frame}"{dashes}/>',
        text(name, 0, 'font-weight="bold" font-size="16"'),
        *(text(line, row, 'font-size="13"') for row, line in enumerate(lines[:2], 1)),
    ]


def floors_of_drawing(page: str) -> list[list[str]]:
    """Return the rooms of each floor of the drawing in plain text."""
    found = DRAWING.search(page)
    lines = [line[:WORDS] for line in found[0].splitlines()] if found else []
    known = {name for floor in read_rooms().floors for name in floor}
    floors = ([word for word in re.findall(r"\w+", line) if word in known] for line in lines)
    return [floor for floor in floors if floor]
