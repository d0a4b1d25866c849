"""Fragments: the volumes of a data folder, grouped by image_id.

A data folder holds any of the folders ``p3d``, ``p2d``, ``models/NAME``, ``test_images`` or
``train_images`` and ``train_labels``, and in each of them one volume a fragment, named by its
image_id: a file, a Zarr folder, or a folder of slices. A folder of slices that stands for one of
these folders is the volume of a fragment with the name of the data folder.

Examples
--------
>>> from napari_nx46.data.fragments import open_data
>>> data = open_data("data")  # doctest: +SKIP
>>> data["1407735"].p3d[160]  # reads one slice  # doctest: +SKIP
"""

from __future__ import annotations

from napari_nx46.data.fragments.data_set import DataSet
from napari_nx46.data.fragments.listing import sole_listing
from napari_nx46.data.fragments.model import FolderNames, Fragment
from napari_nx46.data.fragments.names import (
    FragmentError,
    checked_image_id,
    checked_model_name,
    plain_name,
)
from napari_nx46.data.fragments.opening import fault_error, open_data, open_lazily, open_readable
from napari_nx46.data.fragments.places import Place, StorePlace, path_of, place_of, workspace_key
from napari_nx46.data.fragments.stores import volumes_of
from napari_nx46.data.fragments.writing import write_data_folder
from napari_nx46.files.volumes.opening import VolumeError

__all__ = [
    "DataSet",
    "FolderNames",
    "Fragment",
    "FragmentError",
    "Place",
    "StorePlace",
    "VolumeError",
    "checked_image_id",
    "checked_model_name",
    "fault_error",
    "open_data",
    "open_lazily",
    "open_readable",
    "path_of",
    "place_of",
    "plain_name",
    "sole_listing",
    "volumes_of",
    "workspace_key",
    "write_data_folder",
]
