"""Tune, accept and export surface masks of scroll fragments, live in napari.

What a script may import is here; it is loaded when it is first asked for, so that importing the
package is cheap and needs no Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from napari_nx46.data.fragments import (
        DataSet,
        FolderNames,
        Fragment,
        FragmentError,
        open_data,
        write_data_folder,
    )
    from napari_nx46.data.sample import write_sample
    from napari_nx46.data.synthetic import SAMPLES, SampleFragment, SampleSpec, make_sample
    from napari_nx46.files.settings import read_setting
    from napari_nx46.files.submission.validation import ValidationReport, validate_submission
    from napari_nx46.files.volumes.opening import Volume, VolumeError, open_volume
    from napari_nx46.masks import export, make_mask, score, tune
    from napari_nx46.setting import Domain, Setting, SettingError

    __version__: str

__all__ = [
    "SAMPLES",
    "DataSet",
    "Domain",
    "FolderNames",
    "Fragment",
    "FragmentError",
    "SampleFragment",
    "SampleSpec",
    "Setting",
    "SettingError",
    "ValidationReport",
    "Volume",
    "VolumeError",
    "__version__",
    "export",
    "make_mask",
    "make_sample",
    "open_data",
    "open_volume",
    "read_setting",
    "score",
    "tune",
    "validate_submission",
    "write_data_folder",
    "write_sample",
]

_HOME_OF_NAME: Final = {
    name: module
    for module, names in (
        ("data.synthetic", ("SAMPLES", "SampleFragment", "SampleSpec", "make_sample")),
        ("files.submission.validation", ("ValidationReport", "validate_submission")),
        ("files.volumes.opening", ("Volume", "VolumeError", "open_volume")),
        (
            "data.fragments",
            (
                "DataSet",
                "FolderNames",
                "Fragment",
                "FragmentError",
                "open_data",
                "write_data_folder",
            ),
        ),
        ("data.sample", ("write_sample",)),
        ("files.settings", ("read_setting",)),
        ("masks", ("export", "make_mask", "score", "tune")),
        ("setting", ("Domain", "Setting", "SettingError")),
    )
    for name in names
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("napari-nx46")
    home = _HOME_OF_NAME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
