"""Draw what real commands print in a terminal, in its colours."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyte
from png import write_png
from pyte.screens import Char
from qtpy.QtCore import QPointF
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QGuiApplication, QImage, QPainter

COLUMNS, MOST_ROWS = 120, 200
MARGIN, PIXELS = 18, 15
FAMILIES = ["DejaVu Sans Mono", "Liberation Mono", "monospace"]
READ_BYTES = 65536
PAPER, INK = "#0c0c0c", "#d9d9d9"
COLOURS = {"red": "#f4005f", "green": "#98e024", "brown": "#fd971f", "cyan": "#58d1eb"}
"""Of a terminal, by the names that its emulator gives them."""

TERMINALS = {
    "help": ("nx46 --help",),
    "terminal": (
        "nx46 export sample --quantile 0.93 --band none --out submission.zip",
        "nx46 validate submission.zip --images sample/train_images",
        "nx46 score submission.zip sample/train_labels",
        "nx46 measure submission.zip --label sample/train_labels",
    ),
    "refusals": (
        "nx46 run logits.npy --out masks",
        "nx46 run channels.npy --band none --out masks",
        "nx46 run sample --fragment sample-wound --quantile 0.05 --out masks",
        "nx46 validate submission.zip --images one_image",
        "nx46 score nothing.zip sample/train_labels",
        "nx46 export sample --quantile 1.5 --out no.zip",
        "nx46 run sample/train_labels --out masks",
    ),
}
"""Of each picture, the commands in it."""


def make_inputs() -> None:
    """Write samples, and files of which the commands have something to say, beside each other."""
    printed("nx46 sample sample")
    share = np.random.default_rng(0).random((8, 64, 64), dtype=np.float32)
    np.save("channels.npy", np.stack([1 - share, share / 2, share]))
    np.save("logits.npy", 8 * share - 4)
    Path("one_image").mkdir()
    image = "sample-wound.tif"
    os.link(Path("sample", "train_images", image), Path("one_image", image))


def printed(line: str) -> pyte.Screen:
    """Return the screen of a terminal after a command."""
    screen = pyte.Screen(COLUMNS, MOST_ROWS)
    screen.set_mode(pyte.modes.LNM)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    environment = dict(os.environ) | {
        "COLUMNS": str(COLUMNS),
        "LINES": str(MOST_ROWS),
        "TERM": "xterm-256color",
    }
    command = [sys.executable, "-m", "napari_nx46", *shlex.split(line)[1:]]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        while part := read(ours):
            stream.feed(part)
    os.close(ours)
    return screen


def read(terminal: int) -> bytes:
    """Return what comes next from a terminal; nothing at its end."""
    try:
        return os.read(terminal, READ_BYTES)
    except OSError:  # as Linux reports that the other side is closed
        return b""


def rows_of(line: str) -> list[list[Char]]:
    """Return a command and what it prints, letter by letter."""
    screen = printed(line)
    rows = [[screen.buffer[row][column] for column in range(COLUMNS)] for row in range(MOST_ROWS)]
    while rows and not "".join(letter.data for letter in rows[-1]).strip():
        rows.pop()
    return [[Char(letter, bold=True) for letter in f"$ {line}"], *rows, []]


def draw_terminal(lines: tuple[str, ...], target: Path) -> None:
    """Run commands in the working directory, and draw them with what they print."""
    rows = [row for line in lines for row in rows_of(line)][:-1]
    font = QFont()
    font.setFamilies(FAMILIES)
    font.setPixelSize(PIXELS)
    metrics = QFontMetricsF(font)
    width, height = metrics.horizontalAdvance("0"), metrics.height()
    size = (COLUMNS * width + 2 * MARGIN, len(rows) * height + 2 * MARGIN)
    picture = QImage(*map(round, size), QImage.Format.Format_RGB32)
    picture.fill(QColor(PAPER))
    painter = QPainter(picture)
    for row, letters in enumerate(rows):
        for column, letter in enumerate(letters):
            font.setBold(letter.bold)
            painter.setFont(font)
            painter.setPen(QColor(colour_of(letter)))
            left, top = MARGIN + column * width, MARGIN + row * height
            painter.drawText(QPointF(left, top + metrics.ascent()), letter.data)
    painter.end()
    write_png(picture, target)


def colour_of(letter: Char) -> str:
    """Return the colour of a letter: named, or of the 256 or all colours."""
    if letter.fg in COLOURS:
        return COLOURS[letter.fg]
    known = QColor(f"#{letter.fg}")
    return known.name() if known.isValid() else INK


def draw_terminals(folder: Path) -> None:
    """Draw all terminals, on samples in a folder of their own."""
    back = Path.cwd()
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        try:
            make_inputs()
            for name, lines in TERMINALS.items():
                draw_terminal(lines, folder / f"{name}.png")
        finally:
            os.chdir(back)


if __name__ == "__main__":
    application = QGuiApplication(sys.argv[:1])
    draw_terminals(Path(sys.argv[1]).resolve())
