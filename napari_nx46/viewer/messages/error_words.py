"""Errors in the words of who opens data, and in those of who reports a fault."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

from napari_nx46.files.extras import how_to_install
from napari_nx46.files.volumes.opening import LogitsError, VolumeError

_BY_CODE = {
    "not-tiff": "is not a TIFF file, or only the beginning of one",
    "not-numpy": "is not a NumPy file",
}
_LOGITS = "has values beyond [0, 1]: they are no probabilities, but may be logits"
_BY_NUMBER = {
    errno.ENOENT: "there is no such file or folder (any more)",
    errno.EACCES: "you have no permission to read or write it",
    errno.EPERM: "you have no permission to read or write it",
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the disk can only be read",
    errno.EISDIR: "it is a folder, not a file",
}


def in_words(error: BaseException) -> str:
    """Return what is wrong, without technical terms as far as they are known.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    str
        One sentence or several; the error's own message where it is of this program.
    """
    if isinstance(error, VolumeError) and error.path is not None:
        known = _LOGITS if isinstance(error, LogitsError) else _BY_CODE.get(error.code)
        if known is not None:
            return f"{error.path.name} {known}"
    if isinstance(error, OSError) and error.errno in _BY_NUMBER and error.filename:
        return f"{Path(str(error.filename)).name}: {_BY_NUMBER[error.errno]}"
    if isinstance(error, ImportError) and (text := how_to_install(error)) is not None:
        return text[0].upper() + text[1:]
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; close other programs, or open fewer data."
    if isinstance(error, ValueError | OSError | RuntimeError) and str(error):
        return str(error)
    return f"Something went wrong within the program ({type(error).__name__}): {error}"


def notice_of(error: BaseException) -> str:
    """Return the words, and below them the error's own message where that is another one."""
    words, message = in_words(error), str(error)
    return words if message in words else f"{words}\n{message}"


def details_of(error: BaseException) -> str:
    """Return the error with what led to it and where, as Python prints it."""
    return "".join(traceback.format_exception(error))
