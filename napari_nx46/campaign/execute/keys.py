"""Keys of results: equal where setting, data, what is measured and how it is computed are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from napari_nx46.campaign.execute.measuring import COMPUTING_VERSION
from napari_nx46.data.fragments import DataSet, Fragment, FragmentError
from napari_nx46.files.volumes.opening import Volume
from napari_nx46.files.volumes.origin import VolumeError
from napari_nx46.run.preflight import check_block, reads_dataset, sources_read
from napari_nx46.setting import Setting
from napari_nx46.voxels.workers import CancelCheck, Cancelled, never

__all__ = ["DataContents", "digest_of_json"]

VolumeKey = tuple[str | None, str]
"""The fragment and the name of a volume."""


@dataclass(frozen=True)
class DataContents:
    """What the files of a data set hold, as digests; taken once for all settings.

    Parameters
    ----------
    dataset : DataSet
    digests : mapping of VolumeKey to str
        SHA-256 of every volume.
    faults : mapping of str to str
        By image_id, of the fragments that cannot be read: why.
    """

    dataset: DataSet
    digests: Mapping[VolumeKey, str] = field(repr=False)
    faults: Mapping[str, str]

    @classmethod
    def of(
        cls,
        dataset: DataSet,
        faults: Mapping[str, str],
        cancelled: CancelCheck = never,
    ) -> DataContents:
        """Read the files of a data set once.

        Parameters
        ----------
        dataset : DataSet
            The fragments that could be opened.
        faults : mapping of str to str
            By image_id, why the others could not.
        cancelled : callable
            Asked between files.

        Raises
        ------
        Cancelled
            If `cancelled` returned True.
        """
        digests: dict[VolumeKey, str] = {}
        found = dict(faults)
        for fragment in dataset:
            try:
                for volume in _distinct(fragment.volumes):
                    if cancelled():
                        raise Cancelled
                    digests[volume.image_id, volume.name] = volume.fingerprint()
            except VolumeError as error:
                found[fragment.image_id] = str(error)
        return cls(dataset, digests, found)

    @property
    def image_ids(self) -> tuple[str, ...]:
        """The fragments, those that cannot be read among them, ascending."""
        return tuple(sorted({*self.dataset.image_ids, *self.faults}))

    def fault(self, image_id: str, setting: Setting) -> str | None:
        """Return why a setting cannot be computed on a fragment, as far as is known beforehand."""
        if image_id in self.faults:
            return self.faults[image_id]
        if reads_dataset(setting) and self.faults:
            other, reason = next(iter(self.faults.items()))
            return (
                f"fragment {image_id}: the quantile is taken over all fragments, and {other} "
                f"cannot be read: {reason}"
            )
        try:
            check_block(self.dataset[image_id], setting)
            for fragment in self._fragments_read(image_id, setting):
                sources_read(fragment, setting)
        except FragmentError as error:
            return str(error)
        return None

    def key(self, image_id: str, setting: Setting, *, with_score: bool) -> str:
        """Return the key of a setting's result on a fragment without `fault`.

        Parameters
        ----------
        image_id : str
        setting : Setting
        with_score : bool
            Whether the leaderboard score is computed, if there is a label.

        Returns
        -------
        str
            64 hexadecimal digits.
        """
        label = self.dataset[image_id].label
        others = self._fragments_read(image_id, setting)[1:]
        return digest_of_json(
            {
                "version": COMPUTING_VERSION,
                "setting": setting.model_dump(mode="json"),
                "sources": self._sources(self.dataset[image_id], setting),
                # A quantile over all fragments does not depend on their order.
                "others": sorted(digest_of_json(self._sources(one, setting)) for one in others),
                "label": None if label is None else self._content(label),
                "leaderboard_score": with_score and label is not None,
            }
        )

    def content_of(self, image_id: str) -> str | None:
        """Return a digest of all volumes of a fragment; None if it cannot be read."""
        if image_id in self.faults:
            return None
        volumes = self.dataset[image_id].volumes
        return digest_of_json({"volumes": [self._content(volume) for volume in volumes]})

    def check_unchanged(self, image_id: str, setting: Setting) -> None:
        """Check that the files of a result are still those that its key stands for.

        Raises
        ------
        VolumeError
            If one was changed, replaced or removed.
        """
        label = self.dataset[image_id].label
        for fragment in self._fragments_read(image_id, setting):
            for volume in sources_read(fragment, setting).values():
                volume.check_unchanged()
        if label is not None:
            label.check_unchanged()

    def _fragments_read(self, image_id: str, setting: Setting) -> list[Fragment]:
        """Return the fragment, and those that its threshold depends on besides."""
        own = self.dataset[image_id]
        others = [one for one in self.dataset if one is not own] if reads_dataset(setting) else []
        return [own, *others]

    def _sources(self, fragment: Fragment, setting: Setting) -> dict[str, object]:
        return {
            name: self._content(volume) for name, volume in sources_read(fragment, setting).items()
        }

    def _content(self, volume: Volume) -> dict[str, object]:
        read_as = self.dataset.read_as
        channel = -1 if read_as.channel is None else read_as.channel
        digest = self.digests[volume.image_id, volume.name]
        content: dict[str, object] = {"sha256": digest, "channel": channel}
        # Keys from before there were logits stay as they were.
        return content if read_as.logits is None else {**content, "logits": read_as.logits.value}


def digest_of_json(value: Mapping[str, object]) -> str:
    """Return the SHA-256 of a value as canonical JSON, 64 hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _distinct(volumes: Iterable[Volume]) -> list[Volume]:
    return list({(volume.image_id, volume.name): volume for volume in volumes}.values())
