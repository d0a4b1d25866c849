"""The wheels that a kit installs from: this package's own, and those that it needs."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

NAME = "napari-nx46"
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64")
"""Of Kaggle's machines."""

_WHEEL = "Wheel-Version: 1.0\nGenerator: nx46 kit\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # equal files give equal wheels
_VERSION = re.compile(r"3\.\d+")
_UNREACHED = "WARNING: Retrying"
"""What pip writes of an index that does not answer, before it names a package that it lacks."""

_REQUIREMENT = re.compile(r"[\w.-]+")


class KitError(ValueError):
    """A kit cannot be made; the message says why, and what to do."""


def write_own_wheel(folder: Path) -> Path:
    """Pack this package, as it is installed or checked out, into a wheel.

    Parameters
    ----------
    folder : Path
        Exists.

    Returns
    -------
    Path
        ``folder/napari_nx46-VERSION-py3-none-any.whl``; equal files give equal bytes.

    Raises
    ------
    KitError
        If the package is not installed, so that its version is not known.
    """
    own = _distribution()
    stem = f"napari_nx46-{own.version}"
    path = folder / f"{stem}-py3-none-any.whl"
    records = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _own_files(own, f"{stem}.dist-info"):
            archive.writestr(zipfile.ZipInfo(name, _EARLIEST), content, zipfile.ZIP_DEFLATED)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            records.append(f"{name},sha256={digest.decode()},{len(content)}")
        record = f"{stem}.dist-info/RECORD"
        lines = "\n".join([*records, f"{record},,"]) + "\n"
        archive.writestr(zipfile.ZipInfo(record, _EARLIEST), lines)
    return path


def download_wheels(own: Path, folder: Path, python: str) -> None:
    """Download the wheels that this package needs, in the versions that are installed here.

    Parameters
    ----------
    own : Path
        The package's own wheel.
    folder : Path
        Exists; takes the wheels.
    python : str
        Version of the interpreter that will install them, such as ``3.12``.

    Raises
    ------
    KitError
        If that is no version, a package has no wheel for it and Linux on x86-64, or the package
        index cannot be reached.
    """
    if _VERSION.fullmatch(python) is None:
        raise KitError(f"Python {python}: expected a version such as 3.12")
    pins = folder / "pins.txt"
    pins.write_text("".join(f"{line}\n" for line in installed_versions()), encoding="utf-8")
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    # A number and a dot are all that pip takes for an ABI.
    abi = "cp" + python.replace(".", "")
    command = [
        *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"),
        *("--only-binary", ":all:", "--implementation", "cp", "--python-version", python),
        *("--abi", abi, "--abi", "abi3", "--abi", "none", *platforms),
        *("--constraint", str(pins), "--dest", str(folder), str(own)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    pins.unlink()
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        if _UNREACHED in done.stderr:
            raise KitError(
                "pip cannot reach the package index; make the kit where there is a network, and"
                " carry it to where there is none"
            )
        raise KitError(
            f"pip found no wheels for Python {python}: {' '.join(errors) or done.stderr.strip()}"
        )


def installed_versions() -> list[str]:
    """Return what this package needs, all that is needed in turn included, as ``name==version``."""
    found: dict[str, str] = {}
    waiting = [_distribution()]
    while waiting:
        for line in waiting.pop().requires or []:
            name = _REQUIREMENT.match(line)
            if "extra ==" in line or name is None or name[0].lower() in found:
                continue
            try:
                needed = distribution(name[0])
            except PackageNotFoundError:  # of another platform or an older Python
                continue
            found[name[0].lower()] = f"{needed.name}=={needed.version}"
            waiting.append(needed)
    return sorted(found.values())


def _distribution() -> Distribution:
    try:
        return distribution(NAME)
    except PackageNotFoundError as error:
        raise KitError(
            f"{NAME} is not installed, so that its version is not known; install it with pip"
        ) from error


def _own_files(own: Distribution, info: str) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of the wheel's files, in a fixed order."""
    package = Path(__file__).resolve().parents[2]
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(package.parent).as_posix(), path.read_bytes()
    # A folder that was built from has PKG-INFO in place of METADATA.
    metadata = own.read_text("METADATA") or own.read_text("PKG-INFO") or ""
    yield f"{info}/METADATA", metadata.encode()
    yield f"{info}/entry_points.txt", (own.read_text("entry_points.txt") or "").encode()
    yield f"{info}/WHEEL", _WHEEL.encode()
