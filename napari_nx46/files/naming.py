"""Which names a mask may have, and how a stranger's name is shown."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

MASK_SUFFIX = ".tif"
"""How the name of every mask ends, in lower case."""

ARCHIVE_SUFFIX = ".zip"
"""How the name of an archive ends, in lower case."""

LONGEST_IMAGE_ID = 200
"""Characters; with the suffix it stays below what file systems allow."""

_LONGEST_SHOWN = 120
_FORBIDDEN = frozenset('/\\:*?"<>|')


def image_id_fault(image_id: str) -> str | None:
    """Say what is wrong with an ``image_id`` as the name of a file.

    Parameters
    ----------
    image_id : str
        Name of a fragment, without suffix.

    Returns
    -------
    str or None
        The fault in words, or None if a file in the root of an archive or of a folder can be
        named so on every system.
    """
    if not image_id:
        return "it is empty"
    if len(image_id) > LONGEST_IMAGE_ID:
        return f"it is longer than {LONGEST_IMAGE_ID} characters"
    if image_id.strip(" .") != image_id:
        return "it begins or ends with a dot or a space"
    wrong = sorted({character for character in image_id if _is_forbidden(character)})
    if wrong:
        return f"it contains {', '.join(repr(character) for character in wrong)}"
    return None


def folded(name: str) -> str:
    """Return the form in which names that some file system takes for equal are equal.

    Parameters
    ----------
    name : str
        Any name.

    Returns
    -------
    str
        The name in one normal form of Unicode and without difference of case.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def escape_unprintable(text: str) -> str:
    """Return a text whose characters can all be printed in one line, the others escaped.

    Parameters
    ----------
    text : str
        For example a path, perhaps with line ends or control characters.

    Returns
    -------
    str
        The same text if it is harmless.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def printable(name: str) -> str:
    """Return a stranger's name in a form that can be printed safely.

    Parameters
    ----------
    name : str
        Any text, perhaps with control characters or of absurd length.

    Returns
    -------
    str
        The same text if it is harmless, else escaped and shortened.
    """
    text = escape_unprintable(name[: _LONGEST_SHOWN + 1])
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def first_few(names: Sequence[str], most: int = 5) -> str:
    """Return the first of some names in words, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def plural(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural where it must be."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _is_forbidden(character: str) -> bool:
    return character in _FORBIDDEN or not character.isprintable()
