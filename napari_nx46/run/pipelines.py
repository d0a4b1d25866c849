"""The pipelines of a data set, with volumes held in memory as far as a budget allows."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_nx46.core.masks import BySlabs
from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.core.score.kernels import Kernels
from napari_nx46.core.threshold.notes import threshold_notes
from napari_nx46.core.threshold.thresholds import Threshold
from napari_nx46.data.fragments import DataSet, Fragment
from napari_nx46.files.volumes.opening import Role, Volume
from napari_nx46.run.preflight import computed_bytes, finite_block, reads_dataset, sources_read
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import Block, FragmentVolumes, whole_block
from napari_nx46.voxels.workers import CancelCheck, Workers, never

DEFAULT_MEMORY_BUDGET = 4 << 30
"""Bytes that the volumes and the score of one fragment may take before they are streamed."""


class CachedVolume:
    """A lazy volume that can be loaded into memory, and released again.

    Parameters
    ----------
    volume : Volume
        Read from directly while nothing is loaded. Of an image all that is read must be finite.
    """

    def __init__(self, volume: Volume) -> None:
        self.volume = volume
        self._voxels: npt.NDArray[np.generic] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y and x."""
        return self.volume.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the voxels."""
        return self.volume.dtype

    @property
    def loaded(self) -> bool:
        """Whether the voxels are in memory."""
        return self._voxels is not None

    def __getitem__(self, index: Block) -> npt.NDArray[np.generic]:
        """Return a block: a view of what is loaded, else read from the file."""
        voxels = self._voxels
        return self._read(index) if voxels is None else voxels[index]

    def load(self) -> None:
        """Read the whole volume, and check it, once."""
        if self._voxels is None:
            self._voxels = self._read(whole_block(self.shape))

    def _read(self, block: Block) -> npt.NDArray[np.generic]:
        is_image = self.volume.role is Role.IMAGE
        return finite_block(self.volume, block) if is_image else self.volume.shared(block)

    def release(self) -> None:
        """Give the memory back."""
        self._voxels = None
        self.volume.release()


@dataclass(frozen=True, eq=False, slots=True)
class _Parts:
    """A fragment's volumes by name, and the pipeline that reads them."""

    caches: dict[str, CachedVolume]
    pipeline: FragmentPipeline


class PipelineSet:
    """The pipelines of all fragments of a data set; one fragment at a time is held in memory.

    Parameters
    ----------
    dataset : DataSet
    kernels_for : callable, optional
        Returns the kernels that a fragment's pipeline begins with; the compiled ones by default.
    workers : Workers, optional
        Default: one thread.
    memory_budget : int, optional
        Bytes that one fragment's volumes and score may take together, with the paths that are made
        from its CT image; what is larger is streamed. By default `DEFAULT_MEMORY_BUDGET`.
    by_slabs : callable, optional
        Makes the masks of what is streamed, as `napari_nx46.scale.by_slabs` does.

    Raises
    ------
    VolumeError
        If a volume has to be decoded in pieces that are larger than a budget that was given; of
        fragments that are not open yet when they are asked for.
    """

    def __init__(
        self,
        dataset: DataSet,
        *,
        kernels_for: Callable[[Fragment], Kernels | None] = lambda _fragment: None,
        workers: Workers | None = None,
        memory_budget: int | None = None,
        by_slabs: BySlabs | None = None,
    ) -> None:
        self.dataset = dataset
        self._by_slabs = by_slabs
        self.memory_budget = DEFAULT_MEMORY_BUDGET if memory_budget is None else memory_budget
        self._held: str | None = None
        self._kernels_for = kernels_for
        self._workers = workers
        self._given_budget = memory_budget
        self._parts: dict[str, _Parts] = {}
        self._making = threading.RLock()
        for fragment in dataset.opened:
            self._parts_of(fragment.image_id)

    def __getitem__(self, image_id: str) -> FragmentPipeline:
        """Return a fragment's pipeline as it is, loaded or not.

        Raises
        ------
        FragmentError, VolumeError
            If the fragment is opened only now, and is faulty.
        """
        return self._parts_of(image_id).pipeline

    def hold(self, image_id: str | None) -> None:
        """Keep what is in memory of a fragment, such as the one that is shown.

        Loading others does not release it any more; they have what it leaves of the budget.

        Parameters
        ----------
        image_id : str, optional
            In place of the one that was held before; None for no fragment.

        Raises
        ------
        FragmentError, VolumeError
            If the fragment is opened only now, and is faulty.
        """
        if image_id is not None:
            self._parts_of(image_id)
        self._held = image_id

    def loaded(self, image_id: str, setting: Setting | None = None) -> FragmentPipeline:
        """Return a fragment's pipeline with its volumes in memory where the budget allows it.

        The volumes of the other fragments, but for the one that is held, are released, and this
        fragment's that are not read where both together would exceed the budget.

        Parameters
        ----------
        image_id : str
        setting : Setting, optional
            Only the volumes that it reads are loaded; without it all probability volumes, or the
            image where there is none.

        Raises
        ------
        FragmentError
            If the fragment lacks a volume that the setting reads.
        VolumeError
            If a volume is damaged or holds what a probability cannot be.
        """
        read = self._names_read(image_id, setting)
        for other in tuple(self._parts):
            if other not in (image_id, self._held):
                self._release(other)
        parts = self._parts_of(image_id)
        caches, pipeline = parts.caches, parts.pipeline
        kept = {name for name, cache in caches.items() if cache.loaded}
        if not self._fits(image_id, read | kept, setting):
            for name in kept - read:
                caches[name].release()
        pipeline.keep_score = self._fits(image_id, read, setting)
        if pipeline.keep_score:
            for name in read:
                caches[name].load()
        return pipeline

    def is_loaded(self, image_id: str, setting: Setting | None = None) -> bool:
        """Return whether the volumes that `loaded` would load are in memory."""
        read = self._names_read(image_id, setting)
        return all(self._parts_of(image_id).caches[name].loaded for name in read)

    def release(self) -> None:
        """Give the memory of all volumes and scores back."""
        for image_id in tuple(self._parts):
            self._release(image_id)

    def prepare_dataset(
        self,
        setting: Setting,
        cancelled: Callable[[], bool] = never,
        progress: Callable[[str], None] | None = None,
    ) -> list[FragmentPipeline]:
        """Return the pipelines that the setting's threshold depends on, besides the fragment's own.

        For quantiles of the domain ``dataset`` these are all, each with its histogram computed (one
        fragment in memory at a time); else none.

        Parameters
        ----------
        setting : Setting
        cancelled : callable
            Asked between tiles.
        progress : callable, optional
            Called with the image_id of each fragment before it is read.

        Raises
        ------
        FragmentError
            If a fragment lacks a volume that the setting reads.
        """
        if not reads_dataset(setting):
            return []
        for image_id in self.dataset.image_ids:
            if self[image_id].cached_stage(setting) is None:
                if progress is not None:
                    progress(image_id)
                self.loaded(image_id, setting).stage(setting, cancelled)
        return [self[image_id] for image_id in self.dataset.image_ids]

    def _names_read(self, image_id: str, setting: Setting | None) -> set[str]:
        fragment = self.dataset[image_id]
        if setting is None:
            return set(fragment.sources) or {"image"}
        return set(sources_read(fragment, setting))

    def with_threshold(
        self, image_id: str, setting: Setting, cancelled: CancelCheck = never
    ) -> tuple[FragmentPipeline, Threshold]:
        """Return a fragment's loaded pipeline, and the exact threshold of a setting on it.

        Raises
        ------
        VolumeError
            If a volume is damaged or holds what a probability cannot be.
        Cancelled
            If `cancelled` returned True.
        """
        dataset = self.prepare_dataset(setting, cancelled)
        pipeline = self.loaded(image_id, setting)
        return pipeline, pipeline.threshold(setting, dataset, cancelled)

    def notes(
        self, image_id: str, setting: Setting, cancelled: CancelCheck = never
    ) -> tuple[str, ...]:
        """Return what is odd about the threshold of a setting on a fragment, in words.

        Raises
        ------
        VolumeError
            If a volume is damaged or holds what a probability cannot be.
        Cancelled
            If `cancelled` returned True.
        """
        pipeline, threshold = self.with_threshold(image_id, setting, cancelled)
        found = threshold_notes(pipeline, setting, threshold, cancelled)
        return tuple(note.text(setting) for note in found)

    def _fits(self, image_id: str, names: Collection[str], setting: Setting | None) -> bool:
        """Return whether volumes, and what is computed from them, are within the budget."""
        voxels = math.prod(self.dataset[image_id].shape)
        caches = self._parts_of(image_id).caches
        volumes = sum(caches[name].volume.load_bytes for name in names)
        computed = voxels * computed_bytes(Setting() if setting is None else setting)
        budget = self.memory_budget - (0 if image_id == self._held else self._held_bytes())
        return volumes + computed <= budget

    def _held_bytes(self) -> int:
        """Return the bytes that the fragment which is held takes."""
        if self._held is None:
            return 0
        parts = self._parts_of(self._held)
        loaded = [cache for cache in parts.caches.values() if cache.loaded]
        return sum(cache.volume.load_bytes for cache in loaded) + parts.pipeline.kept_bytes

    def _release(self, image_id: str) -> None:
        parts = self._parts_of(image_id)
        parts.pipeline.clear_score()
        for cache in parts.caches.values():
            cache.release()

    def _parts_of(self, image_id: str) -> _Parts:
        """Return what there is for a fragment, made when it is first asked for."""
        with self._making:
            parts = self._parts.get(image_id)
            if parts is None:
                parts = self._parts[image_id] = self._make_parts(self.dataset[image_id])
            return parts

    def _make_parts(self, fragment: Fragment) -> _Parts:
        caches = cached_volumes(fragment)
        if self._given_budget is not None:
            for cache in caches.values():
                cache.volume.check_memory(self._given_budget)
        pipeline = FragmentPipeline(
            fragment_volumes(fragment, caches),
            kernels=self._kernels_for(fragment),
            workers=self._workers,
            keep_score=False,
            by_slabs=self._by_slabs,
        )
        return _Parts(caches, pipeline)


def cached_volumes(fragment: Fragment) -> dict[str, CachedVolume]:
    """Return what a score may be made from, by name: the sources, and ``image``."""
    images = {} if fragment.image is None else {"image": fragment.image}
    return {name: CachedVolume(volume) for name, volume in {**fragment.sources, **images}.items()}


def fragment_volumes(fragment: Fragment, caches: dict[str, CachedVolume]) -> FragmentVolumes:
    """Return a fragment's volumes as its pipeline reads them, from `cached_volumes`."""
    p3d = caches.get("p3d")
    return FragmentVolumes(
        p3d,
        caches.get("p2d", p3d),
        {name: caches[name] for name in fragment.models},
        caches.get("image"),
    )
