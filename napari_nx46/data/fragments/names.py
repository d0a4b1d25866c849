"""The names that fragments and models may have."""

from __future__ import annotations

import re
from pathlib import Path

from napari_nx46.files.naming import LONGEST_IMAGE_ID, printable
from napari_nx46.setting.choices import LONGEST_SOURCE_NAME

__all__ = [
    "FragmentError",
    "checked_image_id",
    "checked_model_name",
    "is_plain_name",
    "plain_name",
]

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]([A-Za-z0-9._-]*[A-Za-z0-9_-])?")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
_TAKEN_NAMES = ("p3d", "p2d", "image")


class FragmentError(ValueError):
    """Data that do not form fragments; the message says what was found and what was expected."""


def checked_image_id(image_id: str, path: Path | None = None) -> str:
    """Check that an image_id is a plain name, which can name a file anywhere, and return it.

    Parameters
    ----------
    image_id : str
        Name of a fragment.
    path : pathlib.Path, optional
        The file that has it, for the message.

    Raises
    ------
    FragmentError
        If it has other characters than letters, digits, ``.``, ``_`` and ``-``, begins or ends
        with a dot, or is too long.
    """
    if len(image_id) <= LONGEST_IMAGE_ID and is_plain_name(image_id):
        return image_id
    where = "" if path is None else f"{path}: "
    raise FragmentError(
        f"{where}found image_id {printable(image_id)!r}; "
        f"expected at most {LONGEST_IMAGE_ID} letters, "
        "digits, '.', '_' and '-', with no dot at either end; rename it"
    )


def checked_model_name(name: str, path: Path | None = None) -> str:
    """Check that the name of a model is plain and not that of another volume, and return it.

    Raises
    ------
    FragmentError
        If it is not plain as an image_id is, too long, or ``p3d``, ``p2d`` or ``image``.
    """
    plain = len(name) <= LONGEST_SOURCE_NAME and is_plain_name(name)
    if plain and name not in _TAKEN_NAMES:
        return name
    where = "" if path is None else f"{path}: "
    raise FragmentError(
        f"{where}found a model named {printable(name)!r}; expected at most {LONGEST_SOURCE_NAME} "
        "letters, digits, '.', '_' and '-', with no dot at either end, and none of "
        f"{', '.join(_TAKEN_NAMES)}; rename it"
    )


def is_plain_name(name: str) -> bool:
    """Return whether a name can name a file or folder anywhere."""
    return _PLAIN_NAME.fullmatch(name) is not None


def plain_name(name: str, fallback: str = "fragment") -> str:
    """Return a name with ``_`` for what an image_id cannot have, e.g. of a layer.

    Parameters
    ----------
    name : str
    fallback : str, optional
        What is returned where nothing is left of it.
    """
    return _NOT_PLAIN.sub("_", name)[:LONGEST_IMAGE_ID].strip("._") or fallback
