"""The pipelines of a data set, with volumes held in memory as far as a budget allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from napari_nx46.core.pipeline import FragmentPipeline, Kernels
from napari_nx46.core.volume import Block, Sources
from napari_nx46.core.workers import Workers, never
from napari_nx46.files.volumes import Volume
from napari_nx46.fragments import DataSet, Fragment
from napari_nx46.setting import Domain, Setting

DEFAULT_MEMORY_BUDGET = 4 << 30
"""Bytes that the volumes and the score of one fragment may take before they are streamed."""

Result = TypeVar("Result")


class CachedVolume:
    """A lazy volume that can be loaded into memory, and released again.

    Parameters
    ----------
    volume : Volume
        Read from directly while nothing is loaded.
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
        return self.volume[index] if voxels is None else voxels[index]

    def load(self) -> None:
        """Read the whole volume, and check it, once."""
        if self._voxels is None:
            self._voxels = self.volume.read()

    def release(self) -> None:
        """Give the memory back."""
        self._voxels = None
        self.volume.release()


class PipelineSet:
    """The pipelines of all fragments of a data set; one fragment at a time is held in memory.

    Parameters
    ----------
    dataset : DataSet
    kernels : Kernels, optional
        Default: the compiled ones.
    workers : Workers, optional
        Default: one thread.
    memory_budget : int
        Bytes that one fragment's volumes and score may take together; what is larger is streamed.
    """

    def __init__(
        self,
        dataset: DataSet,
        *,
        kernels: Kernels | None = None,
        workers: Workers | None = None,
        memory_budget: int = DEFAULT_MEMORY_BUDGET,
    ) -> None:
        self.dataset = dataset
        self.memory_budget = memory_budget
        self._caches: dict[str, tuple[CachedVolume, ...]] = {}
        self._pipelines: dict[str, FragmentPipeline] = {}
        for fragment in dataset:
            caches = {id(volume): CachedVolume(volume) for volume in fragment.sources.values()}
            self._caches[fragment.image_id] = tuple(caches.values())
            self._pipelines[fragment.image_id] = FragmentPipeline(
                Sources(caches[id(fragment.p3d)], caches[id(fragment.p2d)]),
                kernels=kernels,
                workers=workers,
                keep_score=False,
            )

    def __getitem__(self, image_id: str) -> FragmentPipeline:
        """Return a fragment's pipeline as it is, loaded or not."""
        return self._pipelines[image_id]

    def use_kernels(self, kernels: Kernels) -> None:
        """Let all pipelines compute with these kernels from now on."""
        for pipeline in self._pipelines.values():
            pipeline.kernels = kernels

    def loaded(self, image_id: str) -> FragmentPipeline:
        """Return a fragment's pipeline with its volumes in memory where the budget allows it.

        The other fragments' volumes are released.

        Raises
        ------
        VolumeError
            If a volume is damaged or holds what a probability cannot be.
        """
        for other, caches in self._caches.items():
            if other != image_id:
                self._pipelines[other].forget_score()
                for cache in caches:
                    cache.release()
        pipeline = self._pipelines[image_id]
        pipeline.keep_score = self._fits(self.dataset[image_id])
        if pipeline.keep_score:
            for cache in self._caches[image_id]:
                cache.load()
        return pipeline

    def is_loaded(self, image_id: str) -> bool:
        """Return whether a fragment's volumes are in memory."""
        return all(cache.loaded for cache in self._caches[image_id])

    def release(self) -> None:
        """Give the memory of all volumes and scores back."""
        for image_id, caches in self._caches.items():
            self._pipelines[image_id].forget_score()
            for cache in caches:
                cache.release()

    def prepare_dataset(
        self,
        setting: Setting,
        cancelled: Callable[[], bool] = never,
        progress: Callable[[str], None] | None = None,
    ) -> list[FragmentPipeline]:
        """Return the pipelines that the setting's threshold depends on, besides the fragment's own.

        For the domain ``dataset`` these are all, each with its histogram computed (one fragment in
        memory at a time); for the others none.

        Parameters
        ----------
        setting : Setting
        cancelled : callable
            Asked between tiles.
        progress : callable, optional
            Called with the image_id of each fragment before it is read.
        """
        if setting.domain is not Domain.DATASET:
            return []
        for image_id in self.dataset.image_ids:
            if self._pipelines[image_id].cached_stage(setting) is None:
                if progress is not None:
                    progress(image_id)
                self.loaded(image_id).stage(setting, cancelled)
        return list(self._pipelines.values())

    def _fits(self, fragment: Fragment) -> bool:
        score = 4 * int(np.prod(fragment.shape))
        sources = sum(volume.nbytes for volume in fragment.sources.values())
        return score + sources <= self.memory_budget
