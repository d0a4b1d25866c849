"""The types of columns: what each may hold, how it is read, and how it is written.

A column is read by the validator of its type, because anyone may have written the file. What is
to be written passes the same validators, so that all that is kept can be read back.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeAlias

from pydantic import (
    AfterValidator,
    AllowInfNan,
    BeforeValidator,
    Field,
    GetPydanticSchema,
    InstanceOf,
    Json,
    JsonValue,
    PlainSerializer,
    Strict,
    StringConstraints,
)

from napari_nx46.files.naming import image_id_fault, printable
from napari_nx46.files.workspace.errors import RowError
from napari_nx46.setting import Setting
from napari_nx46.voxels.corrections.corrections import Corrections

Column: TypeAlias = str | int | float | bytes | None
"""What SQLite returns for one column."""

LARGEST_JSON_CHARACTERS = 1_000_000
LARGEST_THUMBNAIL_BYTES = 256 * 1024
"""A picture of 96 x 96 voxels takes a few kilobytes; anything beyond this is none."""

LARGEST_SLICES_BYTES = 3_000_000
"""Figures of more than 30,000 slices; a row that is larger is damaged."""

LONGEST_KEY = 64
LONGEST_TAG = 200
LONGEST_NOTE = 10_000
MOST_METRICS = 256
MOST_SLICE_FIGURES = 64

_LONGEST_METRIC_NAME = 128
_LONGEST_PATH = 4096
_LONGEST_TIME = 40
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


# ---- JSON --------------------------------------------------------------------------------------


def json_text(value: JsonValue | Mapping[str, object]) -> str:
    """Return a value as canonical JSON: keys ascending, no spaces, equal values as equal text.

    Raises
    ------
    ValueError
        If a number is not finite, something is no JSON, or the text is too long to be kept.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"found what is no JSON ({error})") from error
    return _bounded_json(text)


def parse_json(column: object) -> JsonValue:
    """Return what a column of JSON says.

    Raises
    ------
    RowError
        If it is no JSON text of bounded size.
    """
    try:
        value: JsonValue = json.loads(_bounded_json(column), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RowError(f"found no JSON ({error})") from error
    return value


def _bounded_json(column: object) -> str:
    if not isinstance(column, str):
        raise RowError(f"found {type(column).__name__}, expected text")
    if len(column) > LARGEST_JSON_CHARACTERS:
        raise RowError(
            f"found {len(column)} characters of JSON, expected at most {LARGEST_JSON_CHARACTERS}"
        )
    return column


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _parse_unless(kind: type) -> BeforeValidator:
    """Return what parses JSON, and passes a value that is to be written as JSON."""
    return BeforeValidator(lambda one: one if isinstance(one, kind) else parse_json(one))


# ---- settings ----------------------------------------------------------------------------------


def setting_object(setting: Setting) -> dict[str, JsonValue]:
    """Return a setting as a JSON object."""
    knobs: dict[str, JsonValue] = setting.model_dump(mode="json")
    return knobs


def setting_text(setting: Setting) -> str:
    """Return a setting as canonical JSON."""
    return json_text(setting_object(setting))


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


KeptSetting = InstanceOf[Setting]
"""Kept in a table of its own, where it was checked when it was read."""

KeptCorrections = InstanceOf[Corrections]
"""Kept in tables of their own, where they were checked when they were read."""


# ---- texts -------------------------------------------------------------------------------------


def _matching(pattern: str, expected: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise RowError(f"found {printable(repr(text))}, expected {expected}")
        return text

    return AfterValidator(check)


@lru_cache(maxsize=1024)
def _image_id(text: str) -> str:
    fault = image_id_fault(text)
    if fault is not None:
        raise RowError(f"found {printable(text)!r}: {fault}")
    return text


_Text = Annotated[str, Strict()]

Letter = Annotated[_Text, _matching("[A-Z]", "a letter A to Z")]
"""Of a pin."""

Sha256 = Annotated[_Text, _matching("[0-9a-f]{64}", "64 hexadecimal digits")]
"""Of a file, a mask, or of what something was computed from."""

EntryId = Annotated[_Text, _matching("[0-9a-f]{32}", "32 hexadecimal digits")]
"""Of an entry of the history."""

ImageId = Annotated[_Text, AfterValidator(_image_id)]
"""Name of a fragment."""

Tag = Annotated[_Text, StringConstraints(max_length=LONGEST_TAG)]
"""A few words of the user."""

Note = Annotated[_Text, StringConstraints(max_length=LONGEST_NOTE)]
"""Words of the user, or of an error."""

RunId = Annotated[Tag, StringConstraints(min_length=1)]
"""Name of a run of a campaign."""

MetricName = Annotated[_Text, StringConstraints(min_length=1, max_length=_LONGEST_METRIC_NAME)]
"""Name of a figure."""


# ---- numbers -----------------------------------------------------------------------------------

Number = Annotated[int, Strict()]
Position = Annotated[int, Strict(), Field(ge=0, le=(1 << 31) - 1)]
"""Of a voxel along an axis."""

"""That SQLite or this program gave to a row."""

Figure = Annotated[float, Strict(), AllowInfNan(False)]
"""A finite number; no text that looks like one."""

Score = Annotated[Figure, Field(ge=0.0, le=1.0)]
"""That the leaderboard returned."""


def metrics_text(metrics: Mapping[str, float | None]) -> str:
    """Return metrics as JSON; what is not finite is refused where the text is checked."""
    return json.dumps(
        {name: None if value is None else float(value) for name, value in metrics.items()},
        sort_keys=True,
        separators=(",", ":"),
    )


def _metrics_json(value: object) -> str:
    return _bounded_json(metrics_text(value) if isinstance(value, Mapping) else value)


_MetricsJson = Annotated[
    Json[Annotated[dict[MetricName, Figure | None], Field(max_length=MOST_METRICS)]],
    BeforeValidator(_metrics_json),
]


def _read_as(kind: Any) -> GetPydanticSchema:
    """Return what makes pydantic read another type than the one that type checkers see."""
    return GetPydanticSchema(lambda _, handler: handler(kind))


Metrics = Annotated[
    Mapping[str, float | None], _read_as(_MetricsJson), PlainSerializer(metrics_text)
]
"""Figures by name; None where one is not known."""


# ---- other columns -----------------------------------------------------------------------------


def _utc(value: object) -> datetime:
    try:
        time = value if isinstance(value, datetime) else _time_of_text(value)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise RowError(
        f"found {printable(str(value)[:_LONGEST_TIME])!r}, expected a time with its zone"
    )


def _time_of_text(value: object) -> datetime:
    if not isinstance(value, str) or len(value) > _LONGEST_TIME:
        raise RowError("found no text of a time")
    return datetime.fromisoformat(value)


def time_text(time: datetime) -> str:
    """Return a time as ISO 8601, in UTC and to the microsecond; without a zone as it is."""
    zoned = time if time.tzinfo is None else time.astimezone(UTC)
    return zoned.isoformat(timespec="microseconds")


UtcTime = Annotated[datetime, BeforeValidator(_utc), PlainSerializer(time_text)]
"""A time in UTC; one without a zone is refused."""


def _png(content: bytes) -> bytes:
    if not content.startswith(_PNG_SIGNATURE):
        raise RowError("found a thumbnail that is no PNG")
    if len(content) > LARGEST_THUMBNAIL_BYTES:
        raise RowError(
            f"found a thumbnail of {len(content)} bytes, expected at most {LARGEST_THUMBNAIL_BYTES}"
        )
    return content


Thumbnail = Annotated[bytes, Strict(), AfterValidator(_png)]
"""A PNG of bounded size; the picture itself is not decoded."""


def _path(value: object) -> Path:
    text = str(value) if isinstance(value, str | Path) else ""
    if not 0 < len(text) <= _LONGEST_PATH or "\0" in text:
        raise RowError("found no path of an archive")
    return Path(text)


ArchivePath = Annotated[
    Path, BeforeValidator(_path), PlainSerializer(lambda path: str(path.absolute()))
]
"""Where an archive is."""

JsonObject = Annotated[
    Mapping[str, JsonValue],
    _read_as(Annotated[dict[str, Any], _parse_unless(Mapping)]),
    PlainSerializer(json_text),
]
"""JSON that the workspace does not look into."""

_JSON_NAMES = (_parse_unless(tuple), PlainSerializer(lambda names: json_text(list(names))))

ImageIds = Annotated[tuple[ImageId, ...], Field(min_length=1), *_JSON_NAMES]
"""Names of at least one fragment, as JSON."""

MetricNames = Annotated[tuple[MetricName, ...], Field(max_length=MOST_SLICE_FIGURES), *_JSON_NAMES]
"""Names of figures of the slices, as JSON."""

SliceNumbers = Annotated[bytes, Strict(), Field(max_length=LARGEST_SLICES_BYTES)]
"""Figures of the slices, see `results`."""
