"""The journal of a search: every figure as it comes, so that a search that was stopped goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from napari_nx46.data.fragments import Fragment, FragmentError
from napari_nx46.run.suggest.trying.figures import Figures
from napari_nx46.run.suggest.trying.places import MIDDLE, TriedPlace
from napari_nx46.setting import Setting, SettingError, parse_setting

__all__ = ["JOURNAL_VERSION", "Journal", "JournalError", "contents_of", "journal_beside"]

JOURNAL_VERSION = 1
"""To be raised whenever the same setting on the same data would give other figures."""

LARGEST_BYTES = 1 << 30


class JournalError(FragmentError):
    """A journal that is of other data, or no journal at all."""


def journal_beside(out: Path) -> Path:
    """Return where the journal of a setting file is kept."""
    return out.with_name(out.name + ".journal")


def contents_of(fragments: Mapping[str, Fragment]) -> dict[str, object]:
    """Return what a journal is of: the digests of all volumes that figures follow from."""
    return {
        image_id: {volume.name: volume.fingerprint() for volume in fragment.volumes}
        for image_id, fragment in sorted(fragments.items())
    }


class Journal:
    """A file with a line for each figure; the first line says of which data.

    Parameters
    ----------
    path : Path
    contents : mapping
        Of the data, as `contents_of` returns them.
    kind : str
        What is measured.

    Raises
    ------
    JournalError
        When it is opened: if the file is there and is the journal of something else.
    """

    def __init__(self, path: Path, contents: Mapping[str, object], kind: str) -> None:
        self._path = path
        self._head = {"nx46 suggest": JOURNAL_VERSION, "measured": kind, "data": contents}
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        size = self._checked_size()
        self._file = self._path.open("a", encoding="utf-8")
        if size == 0:
            self._write(self._head)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def put(self, setting: Setting, place: TriedPlace, figures: Figures) -> None:
        """Append the figures of a setting on a place."""
        self._write(
            {
                "setting": setting.model_dump(mode="json"),
                "image_id": place.image_id,
                "octant": place.octant,
                "figures": figures.record(),
            }
        )

    def known(self) -> Iterator[tuple[Setting, TriedPlace, Figures]]:
        """Yield what an earlier search has found; a last line that was cut off is left out."""
        with self._path.open(encoding="utf-8") as lines:
            next(lines, None)
            for line in lines:
                if line.endswith("\n"):
                    yield self._parsed(line)

    def _checked_size(self) -> int:
        """Return the bytes of the file, without a last line that was cut off."""
        if not self._path.exists():
            return 0
        size = self._path.stat().st_size
        if size > LARGEST_BYTES:
            raise JournalError(f"{self._path}: found {size} bytes, expected a journal of a search")
        with self._path.open("rb+") as file:
            text = file.read()
            whole = text.rfind(b"\n") + 1
            if text and not whole and not json.dumps(self._head).encode().startswith(text):
                raise self._foreign()
            if whole:
                self._check_head(text[: text.index(b"\n")])
            file.truncate(whole)
        return whole

    def _check_head(self, line: bytes) -> None:
        try:
            head = json.loads(line)
        except ValueError as error:
            raise self._foreign() from error
        if head != json.loads(json.dumps(self._head)):
            raise self._foreign()

    def _foreign(self) -> JournalError:
        return JournalError(
            f"{self._path}: is no journal of a search on these data, as they are now; move it"
            " away, or choose another --out"
        )

    def _parsed(self, line: str) -> tuple[Setting, TriedPlace, Figures]:
        try:
            row = json.loads(line)
            octant = row["octant"]
            if octant is not None and not (isinstance(octant, int) and 0 <= octant <= MIDDLE):
                raise ValueError(f"found octant {octant!r}")
            place = TriedPlace(str(row["image_id"]), octant)
            return parse_setting(row["setting"]), place, Figures.of_record(row["figures"])
        except (KeyError, TypeError, ValueError, SettingError) as error:
            raise JournalError(
                f"{self._path}: found a damaged line ({error}); move it away"
            ) from error

    def _write(self, value: Mapping[str, object]) -> None:
        if self._file is None:
            raise RuntimeError("the journal is not open")
        self._file.write(json.dumps(value, allow_nan=False) + "\n")
        self._file.flush()
