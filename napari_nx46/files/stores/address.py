"""Which texts are addresses of stores on the net or in files, and what opens them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from napari_nx46.files.stores.access import Access
from napari_nx46.files.stores.disk_cache import DiskCache
from napari_nx46.files.stores.remote import RemoteKeys

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Config

_REMOTE = ("http", "https", "s3")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://.+", re.IGNORECASE | re.DOTALL)
_DEFAULT_REGION = "us-east-1"
_REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
_LONGEST_BODY = "1h"
"""Of one value over a slow line; a line without a byte fails much sooner."""


class AddressError(ValueError):
    """A text that is no address of a store, or one that cannot be opened here."""


def is_remote(address: str | os.PathLike[str]) -> bool:
    """Return whether an address is one of a server.

    Parameters
    ----------
    address : str or path-like
        A path or URL.

    Raises
    ------
    AddressError
        If it is a URL of a kind that is not read.
    """
    scheme = _scheme(address)
    if scheme in ("", "file"):
        return False
    if scheme in _REMOTE:
        return True
    kinds = ", ".join(f"{one}://" for one in ("file", *_REMOTE))
    raise AddressError(f"{address}: found a URL of kind {scheme}://; expected one of {kinds}")


def local_path(address: str | os.PathLike[str]) -> Path:
    """Return the path that an address on this machine names: a path, or a ``file://`` URL."""
    if _scheme(address) != "file":
        return Path(address)
    parts = urlsplit(str(address))
    if parts.netloc not in ("", "localhost"):
        raise AddressError(f"{address}: found host {parts.netloc}; expected file:///PATH")
    return Path(url2pathname(parts.path))


def name_of(address: str | os.PathLike[str]) -> str:
    """Return the last part of an address that is not a number, which names what is there.

    Examples
    --------
    >>> name_of("https://host/data/scroll.zarr/"), name_of("s3://bucket/scroll.zarr/2")
    ('scroll.zarr', 'scroll.zarr')
    """
    if not is_remote(address):
        return local_path(address).name
    parts = urlsplit(str(address))
    names = [unquote(part) for part in (parts.netloc, *parts.path.split("/")) if part]
    return next((name for name in reversed(names) if not name.isdigit()), names[-1])


def remote_keys(url: str, access: Access) -> RemoteKeys:
    """Return the values below a URL; nothing is read.

    Parameters
    ----------
    url : str
        ``http://``, ``https://`` or ``s3://``.
    access : Access
        How it is reached.

    Raises
    ------
    AddressError
        If it is no such URL, or obstore is not installed.
    """
    try:
        store, lists = _store(url, access)
    except ImportError as error:
        raise AddressError(
            f"{url}: stores on the net need obstore; install it with "
            'pip install "napari-nx46[scale]"'
        ) from error
    limits = access.cache
    cache = DiskCache(limits.place, limits.disk) if limits.disk else None
    return RemoteKeys(url.rstrip("/"), store, access, lists=lists, cache=cache)


def _store(url: str, access: Access) -> tuple[ObjectStore, bool]:
    """Return obstore's way to a URL, and whether keys can be listed there."""
    from obstore.exceptions import BaseError
    from obstore.store import HTTPStore, S3Store

    client: ClientConfig = {
        "allow_http": True,
        "timeout": _LONGEST_BODY,
        "read_timeout": f"{max(1, round(1000 * access.retries.timeout))}ms",
        "connect_timeout": f"{max(1, round(1000 * access.retries.timeout))}ms",
    }
    once: RetryConfig = {
        "max_retries": 0
    }  # `RemoteKeys` asks again itself, also for bodies that are cut off
    parts = urlsplit(url)
    if parts.query or parts.fragment or parts.username:
        raise AddressError(f"{url}: expected a plain URL, without a query, fragment or user")
    try:
        if parts.scheme.lower() != "s3":
            return HTTPStore(url, client_options=client, retry_config=once), False
        given = (os.environ.get(name) for name in _REGION_VARIABLES)
        config: S3Config = {
            "region": next(filter(None, given), _DEFAULT_REGION),
            "skip_signature": not access.signed,
        }
        if access.server is not None:
            config["endpoint"] = access.server
        prefix = unquote(parts.path).strip("/") or None
        store = S3Store(
            parts.netloc, prefix=prefix, config=config, client_options=client, retry_config=once
        )
    except (BaseError, ValueError) as error:
        raise AddressError(
            f"{url}: cannot be opened ({str(error).partition(chr(10))[0]})"
        ) from error
    return store, True


def _scheme(address: str | os.PathLike[str]) -> str:
    """Return the scheme of a URL, in lower case; an empty string for a path."""
    found = _SCHEME.fullmatch(str(address)) if isinstance(address, str) else None
    return found.group(1).lower() if found else ""
