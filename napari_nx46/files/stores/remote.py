"""Stores on the net: HTTP servers and buckets of the S3 kind, through obstore.

Each value is asked for again if a server does not give it whole, with growing waits. Its size is
known from the answer's header, and checked before the body is read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from napari_nx46.files.naming import printable
from napari_nx46.files.stores.access import Access
from napari_nx46.files.stores.disk_cache import DiskCache, Kept
from napari_nx46.files.stores.extents import ChunkError, Extent, FetchError, Size
from napari_nx46.files.stores.kept import KeptValues

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult
    from obstore.store import ObjectStore

Result = TypeVar("Result")

_THREADS = 16
_LISTED_AT_A_TIME = 1000
_TRIES_OF_STRANGERS = 3
"""Requests to a server that has never answered: its address may be wrong."""

_OPENED_BYTES = 2**25
"""Of the tables of values that are read in parts: they are asked for once."""

_STATUS = re.compile(r"status code: (\d{3})[^:\n]*")
_ASK_AGAIN = (408, 429)
"""Answers of the 4xx that are given for a while only."""

_REFUSALS = (401, 403)
_CAUSES = {
    "TimedOut": "it timed out",
    "Connection refused": "nothing answers at that address",
    "dns error": "there is no such host",
    "Body": "the answer was cut off",
}
"""What obstore's errors contain, and what that means."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""What obstore gives where a server does not say when a value was written."""


@dataclass
class RemoteKeys:
    """The values below a URL.

    Parameters
    ----------
    name : str
        The URL.
    store : ObjectStore
        Of obstore; asks once.
    access : Access
        How often it is asked, and what a refusal means.
    lists : bool
        Whether keys can be listed.
    cache : DiskCache or None
        Keeps what was read.
    """

    name: str
    store: ObjectStore
    access: Access
    lists: bool
    cache: DiskCache | None = None
    threads: int = _THREADS
    is_far: bool = True
    _fingerprint: str = field(default="", init=False)
    _has_answered: bool = field(default=False, init=False)
    _damaged: set[str] = field(default_factory=set, init=False)
    _opened: KeptValues[_RemoteExtent] = field(init=False)

    def __post_init__(self) -> None:
        self._opened = KeptValues(_OPENED_BYTES, lambda extent: len(extent.held.content))

    def read(self, key: str, size: Size) -> bytes | None:
        """Return a value; see `Keys.read`."""
        found = self._get(key, None, size)
        return None if found is None else found.content

    @contextmanager
    def opened(self, key: str, table: int, *, at_start: bool) -> Iterator[Extent | None]:
        """Give a value that is read in parts; see `Keys.opened`."""
        part: Any = (0, table) if at_start else {"suffix": table}

        def ask() -> _RemoteExtent | None:
            found = self._get(key, part, Size(table, exact=False))
            return None if found is None else _RemoteExtent(self, key, found, at_start)

        yield self._opened.get(key, ask)

    def names(self, prefix: str, depth: int) -> Iterator[str] | None:
        """Yield keys below a prefix; see `Keys.names`."""
        if not self.lists:
            return None
        found = self._listed(prefix, depth)
        try:
            first = next(found, None)
        except FetchError as error:
            if error.refused:
                return None
            raise
        return iter(()) if first is None else chain((first,), found)

    def identify(self, fingerprint: str) -> None:
        """Keep values apart from those of a store of other metadata; see `Keys.identify`."""
        self._fingerprint = fingerprint

    def discard(self, key: str) -> bool:
        """Read a value from the server from now on; see `Keys.discard`."""
        if key in self._damaged:
            return False
        self._damaged.add(key)
        self._opened.clear()
        return True

    def part(self, key: str, start: int, count: int, version: _Version) -> bytes:
        """Return bytes of a value that is known to be there.

        Raises
        ------
        ChunkError
            If it has been changed or removed in between, or the server does not give it.
        """
        found = self._get(key, (start, start + count), Size(count))
        if found is None:
            raise ChunkError("it was removed while it was read")
        if found.version != version:
            raise ChunkError("it was changed while it was read; open it again")
        return found.content

    def _get(self, key: str, part: Any, size: Size) -> _Answer | None:
        """Return a value, or a part of it, from the disk or the server; None if there is none."""
        cache = self.cache if self._fingerprint else None  # metadata are always those of now
        if cache is None:
            return self._asked(key, lambda: self._fetch(key, part, size, None))
        name = self._cache_name(key, part)
        kept = None if key in self._damaged else cache.get(name, size)
        if kept is not None and kept.age < self.access.cache.fresh:
            return _Answer.of_kept(kept)
        if kept is not None and not _Version.from_text(kept.validator).is_named:
            kept = None  # there is nothing to ask the server for
        answer = self._asked(key, lambda: self._fetch(key, part, size, kept))
        if kept is not None and answer is not None and answer.content is kept.content:
            cache.confirm(name)
        elif answer is not None:
            cache.put(name, answer.content, answer.version.as_text())
        return answer

    def _fetch(self, key: str, part: Any, size: Size, kept: Kept | None) -> _Answer | None:
        """Ask once for a value."""
        import obstore
        from obstore.exceptions import NotModifiedError, NotSupportedError

        try:
            result = obstore.get(self.store, key, options=_options(part, kept) or None)
        except NotModifiedError:
            if kept is None:
                raise
            return _Answer.of_kept(kept)
        except NotSupportedError as error:
            raise FetchError(
                "a server that gives no parts of files",
                "one that answers requests for ranges of bytes, which shards need",
            ) from error
        first, last = result.range
        size.check(last - first)
        content = bytes(result.bytes())
        if len(content) != last - first:
            raise TimeoutError(f"{len(content)} of {last - first} bytes")
        return _Answer(content, first, _Version.of(result))

    def _asked(self, key: str, ask: Callable[[], Result | None]) -> Result | None:
        """Ask as often as allowed, and return None if there is no such key."""
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        retries = self.access.retries
        for failures in range(1, retries.tries + 1):
            try:
                found = ask()
            except FileNotFoundError:
                self._has_answered = True
                return None
            except (PermissionDeniedError, UnauthenticatedError) as error:
                if self.access.absent_on_403:
                    return None
                raise _refused(key, error) from error
            except (BaseError, TimeoutError) as error:
                if _status(error) in _REFUSALS:  # of a listing
                    raise _refused(key, error) from error
                self._has_answered |= _status(error) > 0
                last = failures == retries.tries or (
                    not self._has_answered and failures == _TRIES_OF_STRANGERS
                )
                if last or not _may_change(error):
                    raise _failed(key, failures, error) from error
            else:
                self._has_answered = True
                return found
            time.sleep(retries.wait(failures))
        raise AssertionError("at least one try")

    def _listed(self, prefix: str, depth: int) -> Iterator[str]:
        """Yield keys below a prefix, page by page."""
        import obstore

        folder = f"{prefix}/" if prefix else ""
        last: str | None = None
        while True:
            offset = last

            def ask(offset: str | None = offset) -> Sequence[Any]:
                stream = obstore.list(
                    self.store, prefix or None, offset=offset, chunk_size=_LISTED_AT_A_TIME
                )
                return next(iter(stream), ())

            page = self._asked(folder, ask) or ()
            for entry in page:
                last = str(entry["path"])
                name = last.removeprefix(folder)
                if name.count("/") < depth:
                    yield name
            if len(page) < _LISTED_AT_A_TIME:
                return

    def _cache_name(self, key: str, part: Any) -> str:
        return "\n".join((self.name, str(self.access.server), self._fingerprint, key, str(part)))


@dataclass(frozen=True, slots=True)
class _Version:
    """What a server calls a version of a value, and the bytes of all of it."""

    e_tag: str
    modified: str
    size: int

    @classmethod
    def of(cls, result: GetResult) -> _Version:
        meta = result.meta
        modified = meta["last_modified"]
        return cls(
            meta["e_tag"] or "", "" if modified == _EPOCH else modified.isoformat(), meta["size"]
        )

    def as_text(self) -> str:
        """Return it as a line."""
        return f"{self.size} {self.modified} {self.e_tag}"

    @property
    def is_named(self) -> bool:
        """Whether the server can be asked whether it still has this version."""
        return bool(self.e_tag or self.modified)

    @classmethod
    def from_text(cls, text: str) -> _Version:
        size, modified, e_tag = text.split(" ", 2)
        return cls(e_tag, modified, int(size))


@dataclass(frozen=True, slots=True)
class _Answer:
    """Bytes of a value, where in it they start, and of which version it is."""

    content: bytes
    start: int
    version: _Version

    @classmethod
    def of_kept(cls, kept: Kept) -> _Answer:
        version = _Version.from_text(kept.validator)
        return cls(kept.content, 0, version)


@dataclass(frozen=True)
class _RemoteExtent:
    """A value on a server, of which some bytes are here already."""

    keys: RemoteKeys
    key: str
    held: _Answer
    at_start: bool

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.held.version.size

    def read(self, start: int, count: int) -> bytes:
        """Return some of them."""
        held = self.held.content
        first = start if self.at_start else start - (self.size - len(held))
        if first >= 0 and first + count <= len(held):
            return held[first : first + count]
        return self.keys.part(self.key, start, count, self.held.version)


def _options(part: Any, kept: Kept | None) -> GetOptions:
    """Return what is asked for: a part, and only if it is not the version that is kept."""
    options: GetOptions = {} if part is None else {"range": part}
    if kept is not None:
        version = _Version.from_text(kept.validator)
        if version.e_tag:
            options["if_none_match"] = version.e_tag
        else:
            options["if_modified_since"] = datetime.fromisoformat(version.modified)
    return options


def _may_change(error: Exception) -> bool:
    """Return whether another request may be answered otherwise."""
    status = _status(error)
    return not 400 <= status < 500 or status in _ASK_AGAIN  # noqa: PLR2004


def _status(error: Exception) -> int:
    """Return the status that a server answered; 0 if it did not answer."""
    found = _STATUS.search(str(error))
    return int(found.group(1)) if found else 0


def _reason(error: Exception) -> str:
    """Return in words why a request failed: what the server answered, or what went wrong."""
    found = _STATUS.search(str(error))
    if found:
        return found.group(0).removeprefix("status code: ").strip()
    text = str(error)
    cause = next((words for mark, words in _CAUSES.items() if mark in text), None)
    return cause or printable(text.partition("\n")[0].rpartition(" - ")[2])


def _refused(key: str, error: Exception) -> FetchError:
    return FetchError(
        f"{printable(key) or 'a listing'} refused by the server ({_reason(error)})",
        "a key that may be read; sign requests with --signed, or, where a bucket answers so for "
        "absent chunks, use --absent-on-403",
        refused=True,
    )


def _failed(key: str, tries: int, error: Exception) -> FetchError:
    times = "once" if tries == 1 else f"{tries} times"
    return FetchError(
        f"no answer to {printable(key) or 'a listing'}, asked for {times} ({_reason(error)})",
        "a server that gives it; check the address and the connection, then run it again",
    )
