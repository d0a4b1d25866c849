"""What a user has chosen in a session: fragment, setting, view, band, and what is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psygnal import Signal

from napari_nx46.data.fragments import DataSet, Fragment
from napari_nx46.files.naming import first_few
from napari_nx46.live.corrections.session_corrections import SessionCorrections
from napari_nx46.live.view import View, slice_view
from napari_nx46.run.preflight import check_block, fitting_setting, takes_block
from napari_nx46.setting import DEFAULT_BAND, Domain, Setting, moved
from napari_nx46.voxels.corrections.corrections import Corrections

__all__ = ["SessionState"]


class SessionState:
    """What is chosen in a calibration of a data set; nothing is computed here.

    Parameters
    ----------
    dataset : DataSet
    image_id : str, optional
        Of the fragment to begin with; default the first.
    setting : Setting, optional
        To begin with.
    band : tuple of float
        Density aimed at.

    Attributes
    ----------
    corrections : SessionCorrections
        What was corrected by hand, whatever the setting.
    accepted : dict of str to Setting
        The settings that were frozen, by image_id.
    accepted_corrections : dict of str to Corrections
        Those that were frozen with the accepted settings, by image_id.
    setting_changed : Signal(Setting)
    fragment_changed : Signal(Fragment)
    accepted_changed : Signal()
    band_changed : Signal(tuple)
    """

    setting_changed = Signal(Setting)
    fragment_changed = Signal(Fragment)
    accepted_changed = Signal()
    band_changed = Signal(tuple)

    def __init__(
        self,
        dataset: DataSet,
        image_id: str | None = None,
        setting: Setting | None = None,
        band: tuple[float, float] = DEFAULT_BAND,
    ) -> None:
        self.dataset = dataset
        self.corrections = SessionCorrections(dataset)
        self.accepted: dict[str, Setting] = {}
        self.accepted_corrections: dict[str, Corrections] = {}
        self._band = band
        self._fragment = dataset.opened[0] if image_id is None else dataset[image_id]
        self._setting = fitting_setting(setting or Setting(), self._fragment)
        self._view = slice_view(self._fragment.shape, self._fragment.shape[0] // 2)

    @property
    def setting(self) -> Setting:
        """The setting of the sliders."""
        return self._setting

    @property
    def fragment(self) -> Fragment:
        """The fragment that is shown."""
        return self._fragment

    @property
    def view(self) -> View:
        """What the canvas shows."""
        return self._view

    @property
    def band(self) -> tuple[float, float]:
        """Density aimed at: lowest and highest."""
        return self._band

    @property
    def present_corrections(self) -> Corrections:
        """What was corrected by hand in the fragment that is shown."""
        return self.corrections.of(self._fragment.image_id)

    def set_band(self, band: tuple[float, float]) -> None:
        """Aim at another density."""
        self._band = band
        self.band_changed.emit(band)

    def accept(self, image_ids: tuple[str, ...] | None = None) -> None:
        """Freeze the setting, and what was corrected, for these fragments, by default for all.

        Raises
        ------
        FragmentError
            If the setting's block lies outside one of the fragments; none is accepted then.
        KeyError
            If there is no such fragment.
        """
        known = self.dataset.image_ids
        chosen = known if image_ids is None else image_ids
        unknown = [image_id for image_id in chosen if image_id not in known]
        if unknown:
            raise KeyError(f"no fragment {unknown[0]!r}; it has {first_few(known)}")
        self.accept_settings(dict.fromkeys(chosen, self._setting))

    def accept_settings(
        self,
        settings: Mapping[str, Setting],
        corrections: Mapping[str, Corrections] | None = None,
    ) -> None:
        """Freeze a setting for each fragment that is named; those of other data are left out.

        Parameters
        ----------
        settings : mapping of str to Setting
            By image_id.
        corrections : mapping of str to Corrections, optional
            Frozen with them, by image_id; by default the present ones.

        Raises
        ------
        FragmentError
            If a setting's block lies outside its fragment; none is accepted then.
        """
        known = {name: settings[name] for name in self.dataset.image_ids if name in settings}
        for image_id, setting in known.items():
            if takes_block(setting):
                check_block(self.dataset[image_id], setting)
        frozen = self.corrections.by_fragment if corrections is None else corrections
        self.accepted.update(known)
        for image_id in known:
            self.accepted_corrections.pop(image_id, None)
            if image_id in frozen and not frozen[image_id].is_empty:
                self.accepted_corrections[image_id] = frozen[image_id]
        self.accepted_changed.emit()

    def _with_visible_block(self, knobs: dict[str, Any]) -> Setting:
        domain = knobs.get("domain", self._setting.domain)
        block = self._view.extents if domain == Domain.BLOCK else None
        return moved(self._setting, **{"block": block, **knobs})

    def _choose_fragment(self, image_id: str) -> None:
        """Go to another fragment, at the same relative depth."""
        old_depth = self._fragment.shape[0]
        self._fragment = self.dataset[image_id]
        depth = self._fragment.shape[0]
        z = min(depth - 1, self._view.slice_index * depth // old_depth)
        self._view = slice_view(self._fragment.shape, z)

    def _neighbours(self, step: int) -> list[str]:
        """Return the image_ids of the other fragments, from the next (1) or the previous (-1)."""
        image_ids = self.dataset.image_ids
        position = image_ids.index(self._fragment.image_id)
        onwards = [*image_ids[position + 1 :], *image_ids[:position]]
        return onwards if step > 0 else onwards[::-1]

    def _fitting_setting(self) -> Setting:
        """Return the setting as it fits the fragment that is shown."""
        setting = fitting_setting(self._setting, self._fragment)
        if setting.domain is Domain.BLOCK:
            setting = setting.changed(block=self._view.extents)
        return setting
