"""Values as text of a column and back; what is read is checked, for anyone may have written it."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn, TypeAlias

from pydantic import JsonValue, ValidationError

from napari_nx46.files.naming import image_id_fault, shown
from napari_nx46.files.workspace.errors import RowError
from napari_nx46.files.workspace.rows import LARGEST_THUMBNAIL_BYTES, Metrics
from napari_nx46.setting import Setting, SettingError, parse_setting

Column: TypeAlias = str | int | float | bytes | None
"""What SQLite returns for one column."""

LARGEST_JSON_CHARACTERS = 1_000_000
LONGEST_KEY = 64
LONGEST_TAG = 200
LONGEST_NOTE = 10_000
MOST_METRICS = 256

_LONGEST_METRIC_NAME = 128
_LONGEST_TIME = 40
_LARGEST_EXACT_INTEGER = 2**53
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ENTRY_ID = re.compile(r"[0-9a-f]{32}")
_LETTER = re.compile(r"[A-Z]")


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
    if len(text) > LARGEST_JSON_CHARACTERS:
        raise ValueError(
            f"found {len(text)} characters of JSON, expected at most {LARGEST_JSON_CHARACTERS}"
        )
    return text


def parse_json(column: Column) -> JsonValue:
    """Return what a column of JSON says.

    Raises
    ------
    RowError
        If it is no JSON text of bounded size.
    """
    text = parse_text(column, LARGEST_JSON_CHARACTERS)
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RowError(f"found no JSON ({error})") from error
    return value


def parse_object(column: Column) -> dict[str, JsonValue]:
    """Return the JSON object of a column.

    Raises
    ------
    RowError
        If there is none.
    """
    return as_object(parse_json(column))


def as_object(value: JsonValue) -> dict[str, JsonValue]:
    """Return a value that must be a JSON object.

    Raises
    ------
    RowError
        If it is something else.
    """
    if not isinstance(value, dict):
        raise RowError(f"found {type(value).__name__}, expected a JSON object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


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


def as_setting(value: JsonValue) -> Setting:
    """Return the setting that a JSON value says.

    Raises
    ------
    RowError
        If a knob is unknown or out of range.
    """
    try:
        return parse_setting(as_object(value))
    except SettingError as error:
        raise RowError(f"found no setting of this program: {shown(str(error))}") from error


def parse_setting_text(column: Column, digest: str) -> Setting:
    """Return the setting of a column whose SHA-256 is known.

    Raises
    ------
    RowError
        If the text is not the one that the digest was taken of, or is no setting.
    """
    text = parse_text(column, LARGEST_JSON_CHARACTERS)
    if digest_of(text) != digest:
        raise RowError("found a setting that was changed: its SHA-256 is another one")
    try:
        return Setting.model_validate_json(text)
    except ValidationError as error:
        raise RowError(f"found no setting of this program: {shown(str(error))}") from error


# ---- metrics -----------------------------------------------------------------------------------


def metrics_text(metrics: Metrics) -> str:
    """Return metrics as JSON.

    Raises
    ------
    ValueError
        If a figure is not finite, or there are too many.
    """
    try:
        return json_text(as_metrics({name: _plain(value) for name, value in metrics.items()}))
    except RowError as error:
        raise ValueError(f"metrics: {error}") from error


def as_metrics(value: JsonValue) -> dict[str, float | None]:
    """Return the metrics that a JSON value says.

    Raises
    ------
    RowError
        If it is no object of numbers and nulls of bounded size.
    """
    figures = as_object(value)
    if len(figures) > MOST_METRICS:
        raise RowError(f"found {len(figures)} metrics, expected at most {MOST_METRICS}")
    return {parse_metric_name(name): _figure(name, figure) for name, figure in figures.items()}


def _plain(value: float | None) -> float | None:
    """Return a figure as Python's own number: JSON knows none of NumPy's."""
    return None if value is None else float(value)


def parse_metric_name(name: JsonValue) -> str:
    """Return the name of a metric.

    Raises
    ------
    RowError
        If it is no text of bounded size.
    """
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_METRIC_NAME:
        raise RowError(f"found {shown(str(name))!r} as the name of a metric")
    return name


def _figure(name: str, value: JsonValue) -> float | None:
    return None if value is None else as_number(value, name)


def as_number(value: JsonValue | Column, name: str) -> float:
    """Return a finite number.

    Raises
    ------
    RowError
        If it is something else.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and _is_finite(value):
        return float(value)
    raise RowError(f"{shown(name)}: found {shown(repr(value))}, expected a finite number")


def _is_finite(value: float) -> bool:
    # A large integer of Python's has no float, and to ask for it is an error.
    return abs(value) <= _LARGEST_EXACT_INTEGER if isinstance(value, int) else math.isfinite(value)


# ---- other columns -----------------------------------------------------------------------------


def parse_text(column: Column, longest: int) -> str:
    """Return a column that must be text.

    Raises
    ------
    RowError
        If it is something else or too long.
    """
    if not isinstance(column, str):
        raise RowError(f"found {type(column).__name__}, expected text")
    if len(column) > longest:
        raise RowError(f"found {len(column)} characters, expected at most {longest}")
    return column


def time_text(time: datetime) -> str:
    """Return a time as ISO 8601 in UTC, to the microsecond.

    Raises
    ------
    ValueError
        If it does not say its time zone.
    """
    if time.tzinfo is None:
        raise ValueError(f"found the time {time} without a time zone, expected UTC")
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def parse_time(column: Column) -> datetime:
    """Return the time of a column, in UTC.

    Raises
    ------
    RowError
        If it is no time, or does not say its time zone.
    """
    text = parse_text(column, _LONGEST_TIME)
    try:
        return datetime.fromisoformat(time_text(datetime.fromisoformat(text)))
    except (ValueError, OverflowError) as error:
        raise RowError(f"found {shown(text)!r}, expected a time with its zone") from error


def parse_image_id(column: Column) -> str:
    """Return the image_id of a column.

    Raises
    ------
    RowError
        If no fragment can have that name.
    """
    if not isinstance(column, str):
        raise RowError(f"found {type(column).__name__}, expected an image_id")
    fault = image_id_fault(column)
    if fault is not None:
        raise RowError(f"image_id {shown(column)!r}: {fault}")
    return column


def parse_letter(column: Column) -> str:
    """Return the letter of a column.

    Raises
    ------
    RowError
        If it is none of A to Z.
    """
    return _parse_matching(column, _LETTER, "a letter A to Z")


def parse_sha256(column: Column) -> str:
    """Return the SHA-256 of a column.

    Raises
    ------
    RowError
        If it is not 64 hexadecimal digits.
    """
    return _parse_matching(column, _SHA256, "64 hexadecimal digits")


def parse_entry_id(column: Column) -> str:
    """Return the id of a history entry.

    Raises
    ------
    RowError
        If it is not 32 hexadecimal digits.
    """
    return _parse_matching(column, _ENTRY_ID, "32 hexadecimal digits")


def parse_thumbnail(column: Column) -> bytes | None:
    """Return the PNG of a column, if it has one; the picture itself is not decoded.

    Raises
    ------
    RowError
        If it is no PNG, or a large one.
    """
    if column is None:
        return None
    if not isinstance(column, bytes) or not column.startswith(_PNG_SIGNATURE):
        raise RowError("found a thumbnail that is no PNG")
    if len(column) > LARGEST_THUMBNAIL_BYTES:
        raise RowError(
            f"found a thumbnail of {len(column)} bytes, expected at most {LARGEST_THUMBNAIL_BYTES}"
        )
    return column


def parse_score(column: Column, name: str) -> float | None:
    """Return the leaderboard score of a column, if it has one.

    Raises
    ------
    RowError
        If it is not in [0, 1].
    """
    if column is None:
        return None
    score = as_number(column, name)
    if not 0.0 <= score <= 1.0:
        raise RowError(f"{name}: found {score}, expected a score from 0 to 1")
    return score


def _parse_matching(column: Column, pattern: re.Pattern[str], expected: str) -> str:
    if not isinstance(column, str) or not pattern.fullmatch(column):
        raise RowError(f"found {shown(repr(column))}, expected {expected}")
    return column
