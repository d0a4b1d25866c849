"""How stores on the net are reached, and how much of them is kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_cache_path

from napari_nx46.files.volumes.origin import VolumeError

_GIB = 2**30
_APPLICATION = "napari-nx46"

MEMORY_VARIABLE = "NX46_CACHE_MEMORY"
DISK_VARIABLE = "NX46_CACHE_DISK"
FOLDER_VARIABLE = "NX46_CACHE_DIR"
ENDPOINT_VARIABLE = "NX46_S3_ENDPOINT"
TRIES_VARIABLE = "NX46_TRIES"
TIMEOUT_VARIABLE = "NX46_TIMEOUT"

_MOST_TRIES = 1000
_LONGEST_TIMEOUT = 86400.0
_MOST_GIB = 2.0**20


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a server is asked, and how long it is waited for.

    Attributes
    ----------
    tries : int
        Requests for one value, the first included.
    first_wait, longest_wait : float
        Seconds before the second request, and before any; each wait is twice the one before.
    timeout : float
        Seconds without a byte after which a request has failed.
    """

    tries: int = 10
    first_wait: float = 0.1
    longest_wait: float = 10.0
    timeout: float = 30.0

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> Retries:
        """Return the tries and the timeout that environment variables set, over the defaults.

        Parameters
        ----------
        environment : mapping of str to str, optional
            By default that of the process. ``NX46_TRIES`` and ``NX46_TIMEOUT`` (seconds) count.

        Raises
        ------
        VolumeError
            If one is no number in its range.
        """
        given = os.environ if environment is None else environment
        usual = cls()
        tries = _number(given, TRIES_VARIABLE, usual.tries, (1, _MOST_TRIES), "of requests")
        seconds = (0.01, _LONGEST_TIMEOUT)
        timeout = _number(given, TIMEOUT_VARIABLE, usual.timeout, seconds, "of seconds")
        return cls(tries=int(tries), timeout=timeout)

    def wait(self, failures: int) -> float:
        """Return the seconds to wait after so many failures, at least one."""
        return min(self.longest_wait, self.first_wait * 2.0 ** (failures - 1))


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """How much is kept of what was read.

    Attributes
    ----------
    memory : int
        Bytes of decoded chunks of one store; 0 keeps none.
    disk : int
        Bytes of chunks as they come from servers, of all stores together; 0 keeps none.
    folder : Path or None
        Where; None for the user's cache folder.
    fresh : float
        Seconds after which a server is asked whether a chunk on the disk is still the same.
    """

    memory: int = _GIB // 4
    disk: int = 4 * _GIB
    folder: Path | None = None
    fresh: float = 3600.0

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> CacheLimits:
        """Return the limits that environment variables set, in GiB, over the defaults.

        Parameters
        ----------
        environment : mapping of str to str, optional
            By default that of the process. ``NX46_CACHE_MEMORY``, ``NX46_CACHE_DISK`` and
            ``NX46_CACHE_DIR`` count.

        Raises
        ------
        VolumeError
            If a size is no number from 0 on.
        """
        given = os.environ if environment is None else environment
        usual = cls()
        folder = given.get(FOLDER_VARIABLE)
        return cls(
            memory=_bytes(given, MEMORY_VARIABLE, usual.memory),
            disk=_bytes(given, DISK_VARIABLE, usual.disk),
            folder=Path(folder) if folder else None,
        )

    @property
    def place(self) -> Path:
        """The folder of chunks on the disk."""
        return self.folder or user_cache_path(_APPLICATION) / "chunks"


@dataclass(frozen=True, slots=True)
class Access:
    """How a store on the net is reached.

    Attributes
    ----------
    endpoint : str or None
        URL of a server of the S3 kind; by default the one that ``NX46_S3_ENDPOINT`` names, else
        Amazon's own.
    signed : bool
        Whether requests are signed, with the keys of the environment (``AWS_ACCESS_KEY_ID``, ...).
    absent_on_403 : bool
        Whether a refused key counts as absent: buckets that may not be listed answer so.
    retries : Retries
    cache : CacheLimits
    """

    endpoint: str | None = None
    signed: bool = False
    absent_on_403: bool = False
    retries: Retries = field(default_factory=Retries.of_environment)
    cache: CacheLimits = field(default_factory=CacheLimits.of_environment)

    @property
    def server(self) -> str | None:
        """URL of the server of the S3 kind; None for Amazon's own."""
        return self.endpoint or os.environ.get(ENDPOINT_VARIABLE) or None


def _bytes(given: Mapping[str, str], name: str, default: int) -> int:
    """Return a number of bytes that a variable gives in GiB."""
    return int(_number(given, name, default / _GIB, (0, _MOST_GIB), "of GiB") * _GIB)


def _number(
    given: Mapping[str, str],
    name: str,
    default: float,
    limits: tuple[float, float],
    what: str,
) -> float:
    """Return the number that a variable gives, which lies within limits."""
    text = given.get(name)
    if not text:
        return default
    lowest, highest = limits
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not lowest <= value <= highest:
        raise VolumeError(
            f"{name}: found {text!r:.40}, expected a number {what} from {lowest:g} to {highest:g}"
        )
    return value
