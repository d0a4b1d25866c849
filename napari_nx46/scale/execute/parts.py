"""Shares of a plan that several processes do, as batch systems start them; one process a share.

Each has a ledger of its own, as SQLite files cannot be written over a network by several machines.
When a part has done its share of a stage it publishes its rows in a file; when all have, each takes
the rows of the others, and goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_nx46.files.atomic import WriteError
from napari_nx46.files.locks import NoLocksError, create_locked, open_unowned
from napari_nx46.files.mask_store.chunks import place_file
from napari_nx46.files.naming import first_few
from napari_nx46.files.regular import open_regular
from napari_nx46.scale.execute.ledger import Ledger, TileRecord
from napari_nx46.scale.plan.errors import ApplyError

__all__ = ["Parts", "owned"]

_MOST_BYTES = 1 << 31


class _Rows(BaseModel):
    """The rows of a part's share of a stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: str
    tiles: dict[int, TileRecord]


@dataclass(frozen=True, slots=True)
class Parts:
    """Which share a process does, and what it knows of the others.

    Parameters
    ----------
    part, parts : int
        Which, from 1, of how many.
    work : Path
        Folder of ledgers and scratch.
    """

    part: int
    parts: int
    work: Path

    def __post_init__(self) -> None:
        if not 1 <= self.part <= self.parts:
            raise ApplyError(f"--part {self.part}/{self.parts}: expected I/N with I from 1 to N")

    @property
    def ledger_name(self) -> str:
        """Name of the ledger's file."""
        return "ledger.sqlite" if self.parts == 1 else f"ledger-{self.part}-{self.parts}.sqlite"

    @property
    def finishes(self) -> bool:
        """Whether this part checks and completes the image."""
        return self.part == 1

    def exchange(self, ledger: Ledger, stage: int) -> bool:
        """Publish the rows of this part's share of a stage, and take those of the others.

        Returns
        -------
        bool
            Whether all parts have done theirs.

        Raises
        ------
        ApplyError
            If what another part published is damaged, or of another plan.
        """
        if self.parts == 1:
            return True
        plan = ledger.fact("plan") or ""
        own = self._rows(stage, self.part)
        if not own.exists():
            rows = _Rows(plan=plan, tiles=dict(ledger.records(stage)))
            place_file(own, rows.model_dump_json().encode(), self.work / "scratch" / "staging")
        if self._missing(stage):
            return False
        if ledger.fact(f"taken {stage}") is None:
            for part in range(1, self.parts + 1):
                for tile, record in self._read(stage, part, plan).items():
                    ledger.add(stage, tile, record)
            ledger.commit()
            ledger.keep(f"taken {stage}", "yes")
        return True

    def waiting_words(self, stage: int) -> str:
        """Return which other parts have to be run first."""
        missing = first_few([f"{part}/{self.parts}" for part in self._missing(stage)])
        return f"this part is done so far; run --part {missing} and then this one again"

    def _missing(self, stage: int) -> list[int]:
        numbers = range(1, self.parts + 1)
        return [part for part in numbers if not self._rows(stage, part).exists()]

    def _rows(self, stage: int, part: int) -> Path:
        return self.work / "parts" / f"stage-{stage}.{part}-of-{self.parts}.json"

    def _read(self, stage: int, part: int, plan: str) -> dict[int, TileRecord]:
        path = self._rows(stage, part)
        with open_regular(path) as stream:
            content = stream.read(_MOST_BYTES)
        try:
            rows = _Rows.model_validate_json(content)
        except ValidationError as error:
            raise ApplyError(f"{path}: damaged; remove it and run that part again") from error
        if rows.plan != plan:
            raise ApplyError(f"{path}: found another plan's; give every part the same options")
        return rows.tiles


@contextmanager
def owned(folder: Path, part: int) -> Iterator[None]:
    """Hold the lock of a part of the work in a folder, which is made, while the context is open.

    Raises
    ------
    ApplyError
        If another process holds it.
    WriteError
        If the folder cannot be written.
    """
    path = folder / f"part-{part}.lock"
    try:
        folder.mkdir(exist_ok=True)
        descriptor = _locked(path)
    except OSError as error:
        raise WriteError(folder, error.strerror or str(error), error.errno) from error
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _locked(path: Path) -> int | None:
    """Return the open lock; None where the file system has none."""
    try:
        descriptor = open_unowned(path) if path.exists() else create_locked(path)
    except NoLocksError:
        return None
    if descriptor is None:
        raise ApplyError(f"{path.parent}: another process is at work on it; wait for it to end")
    return descriptor
