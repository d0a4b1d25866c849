"""Opening data in a window: with the channel and the logits that were chosen for them before."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_nx46.data.fragments import DataSet, FolderNames, Place, open_lazily
from napari_nx46.files.volumes.channels import USUAL_CHANNELS
from napari_nx46.files.volumes.opening import Volume, VolumeWarning
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.live.history.restore import kept_read_as
from napari_nx46.live.masks.pins import Pin
from napari_nx46.setting import Setting
from napari_nx46.viewer.messages.notices import notify_warning
from napari_nx46.voxels.corrections.corrections import Corrections

if TYPE_CHECKING:
    from napari_nx46.viewer.window.viewer_session import ViewerSession


def open_as(
    paths: tuple[Place, ...],
    folders: FolderNames | None,
    read_as: ReadAs,
    only: Collection[str] = (),
) -> DataSet:
    """Open data as `open_lazily` does, without warnings of channels: see `warn_of_channels`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VolumeWarning)
        return open_lazily(
            *paths, folders=folders, channel=read_as.channel, logits=read_as.logits, only=only
        )


def open_as_kept(
    paths: tuple[Place, ...], folders: FolderNames | None, workspace: Path | None
) -> DataSet:
    """Open data as their workspace says, if they can be opened so.

    Raises
    ------
    FragmentError, VolumeError
        If they cannot be opened without it either.
    """
    return _open_if_possible(paths, folders, kept_read_as(workspace))


def as_kept(dataset: DataSet, paths: tuple[Place, ...], workspace: Path | None) -> DataSet:
    """Return data as their workspace says, if nothing was chosen when they were opened."""
    if dataset.read_as != ReadAs():
        return dataset
    kept = kept_read_as(workspace)
    return dataset if kept == ReadAs() else _open_if_possible(paths, dataset.folders, kept)


def _open_if_possible(
    paths: tuple[Place, ...], folders: FolderNames | None, read_as: ReadAs
) -> DataSet:
    """Open data in the way that was chosen for them, or in the usual one if that fails."""
    try:
        return open_as(paths, folders, read_as)
    except ValueError as error:
        if read_as == ReadAs():
            raise
        dataset = open_as(paths, folders, ReadAs())
        notify_warning(f"They are not read as they were before, since that fails: {error}")
        return dataset


def warn_of_channels(dataset: DataSet) -> None:
    """Notify of channels that nobody has chosen, where there are more than two."""
    if dataset.read_as.channel is not None:
        return
    unsure = [
        volume
        for volume in probability_volumes(dataset)
        if volume.channels is not None and volume.channels > USUAL_CHANNELS
    ]
    if unsure:
        first, more = unsure[0], len(unsure) - 1
        others = f" (and {more} more volumes likewise)" if more else ""
        notify_warning(f"{first.short_name}: {last_channel(first)} is read{others}; {CHOOSE}")


CHOOSE = "choose another one under “Reading” in the dock"


def last_channel(volume: Volume) -> str:
    """Return in words which channel is read where none was chosen."""
    channels = volume.channels or 1
    return f"channel {channels - 1}, the last of {channels} (counted from 0),"


def probability_volumes(dataset: DataSet) -> list[Volume]:
    """Return the probability volumes of the fragments that are open."""
    return [volume for fragment in dataset.opened for volume in fragment.sources.values()]


@dataclass(frozen=True)
class Carried:
    """What a user has made of data, to go on with when they are read in another way.

    Parameters
    ----------
    image_id : str
        The fragment that is shown.
    z : int
        The slice of it.
    setting : Setting
        Of the sliders.
    accepted : dict of str to Setting
        By image_id.
    corrections, accepted_corrections : dict of str to Corrections
        What is corrected by hand, and what was when that was accepted, by image_id.
    pins : tuple of Pin
    """

    image_id: str
    z: int
    setting: Setting
    accepted: dict[str, Setting]
    corrections: dict[str, Corrections]
    accepted_corrections: dict[str, Corrections]
    pins: tuple[Pin, ...]

    @classmethod
    def of(cls, viewer_session: ViewerSession) -> Carried:
        """Return what there is on a viewer_session."""
        session = viewer_session.session
        return cls(
            image_id=session.fragment.image_id,
            z=session.view.slice_index,
            setting=session.setting,
            accepted=dict(session.accepted),
            corrections=session.corrections.by_fragment,
            accepted_corrections=dict(session.accepted_corrections),
            pins=tuple(viewer_session.pins),
        )

    def give_to(self, viewer_session: ViewerSession) -> None:
        """Put it on another viewer_session."""
        session = viewer_session.session
        session.corrections.take_up(self.corrections)
        session.apply(self.setting)
        session.accept_settings(self.accepted, self.accepted_corrections)
        for pin in self.pins:
            viewer_session.pins.pin(pin.letter, pin.setting, corrections=pin.corrections)
        viewer_session.go_to_slice(self.z)
