"""What a session finds in its workspace when the data are opened again, and going on from there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import JsonValue

from napari_nx46.data.fragments import DataSet, FragmentError, VolumeError
from napari_nx46.files.naming import printable
from napari_nx46.files.volumes.reading import Logits, ReadAs
from napari_nx46.files.workspace import HistoryEntry, Workspace, WorkspaceError
from napari_nx46.live.history.entries import History
from napari_nx46.live.landscape.coding import LandscapeFault, landscape_of
from napari_nx46.live.session import Session
from napari_nx46.live.view import slice_view
from napari_nx46.run.landscape.landscape import Landscape
from napari_nx46.run.preflight import check_corrections, checked_fragments, fitting_setting
from napari_nx46.setting import Domain, Setting, SettingError, parse_setting
from napari_nx46.voxels.corrections.corrections import Corrections

_CENTER_AXES = (2, 3)


@dataclass(frozen=True)
class RestoredState:
    """What fits the data that are open now.

    Parameters
    ----------
    setting : Setting, optional
        Of the sliders.
    image_id : str, optional
        The fragment that was shown.
    z : int, optional
        The slice of it that was shown.
    camera_zoom : float, optional
        Screen pixels a voxel.
    camera_center : tuple of float
        Two or three numbers along (z,) y, x; empty where it is not known.
    view : mapping
        All that the viewer reported of its view, unchecked but for being JSON.
    pins : mapping of str to Setting
        By letter.
    pinned_corrections : mapping
        What was corrected by hand when that was pinned, by letter and image_id.
    corrections : mapping of str to Corrections
        What is corrected by hand, by image_id.
    accepted : mapping of str to Setting
        By image_id.
    accepted_corrections : mapping of str to Corrections
        What was corrected by hand when that was accepted, by image_id.
    landscapes : tuple of Landscape
        Scores over one or two knobs, read with the history.
    history : tuple of HistoryEntry
        Oldest first.
    history_position : int, optional
        Index of the current entry; None stands for the newest.
    problems : tuple of str
        What was left out, and why, one sentence each.
    """

    setting: Setting | None = None
    image_id: str | None = None
    z: int | None = None
    camera_zoom: float | None = None
    camera_center: tuple[float, ...] = ()
    view: Mapping[str, JsonValue] = field(default_factory=dict)
    pins: Mapping[str, Setting] = field(default_factory=dict)
    pinned_corrections: Mapping[str, Mapping[str, Corrections]] = field(default_factory=dict)
    corrections: Mapping[str, Corrections] = field(default_factory=dict)
    accepted: Mapping[str, Setting] = field(default_factory=dict)
    accepted_corrections: Mapping[str, Corrections] = field(default_factory=dict)
    landscapes: tuple[Landscape, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    history_position: int | None = None
    problems: tuple[str, ...] = ()

    def new_history(self) -> History:
        """Return a history that goes on where the kept one ended."""
        return History(self.history, self.history_position)


def restore(session: Session, workspace: Workspace, *, with_history: bool = True) -> RestoredState:
    """Read a workspace; the session is not changed, see `resume`.

    Parameters
    ----------
    session : Session
        Its data set says what fits.
    workspace : Workspace
    with_history : bool
        Read the history too, which may hold thousands of pictures.

    Returns
    -------
    RestoredState
        Without fragments that are not there, and settings that are none or do not fit; these are
        reported as its problems.

    Raises
    ------
    WorkspaceError
        If the file cannot be read.
    """
    with workspace.snapshot():
        return _restored(session, workspace, with_history=with_history)


def kept_read_as(path: Path | None) -> ReadAs:
    """Return what was read of the probability volumes the last time, or the default.

    Parameters
    ----------
    path : Path, optional
        The workspace file. Where it cannot be read, opening it for the session reports that.
    """
    if path is None or not path.exists():
        return ReadAs()
    try:
        with Workspace.open(path, check_pages=False) as workspace:
            kept = workspace.state("read_as")
    except WorkspaceError:
        return ReadAs()
    return _read_as(kept if isinstance(kept, dict) else {})


def _read_as(kept: Mapping[str, JsonValue]) -> ReadAs:
    logits, axis = kept.get("logits"), kept.get("channel_axis")
    return ReadAs(
        _whole_number(kept.get("channel")),
        Logits(logits) if logits in tuple(Logits) else None,
        axis if isinstance(axis, str) else _whole_number(axis),
    )


def _whole_number(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def resume(session: Session, state: RestoredState) -> None:
    """Bring a session to where it was: fragment, slice, sliders, corrections, accepted settings.

    Parameters
    ----------
    session : Session
        On the data set that the state was restored for.
    state : RestoredState
    """
    if state.image_id is not None:
        session.show_fragment(state.image_id)
    if state.z is not None:
        session.look_at(slice_view(session.fragment.shape, state.z))
    if state.setting is not None:
        setting = state.setting
        if setting.domain is Domain.BLOCK:  # the canvas says later what of it is visible
            setting = setting.changed(block=session.view.extents)
        session.apply(setting)
    session.corrections.take_up(state.corrections)
    if state.accepted:
        session.accept_settings(state.accepted, state.accepted_corrections)


def kept_fragment(path: Path) -> str | None:
    """Return the fragment that was shown the last time; None where that is not known.

    Parameters
    ----------
    path : Path
        The workspace file; see `kept_read_as`.
    """
    try:
        with Workspace.open(path, check_pages=False, create=False) as workspace:
            view = workspace.state("view")
    except WorkspaceError:
        return None
    image_id = view.get("image_id") if isinstance(view, dict) else None
    return image_id if isinstance(image_id, str) else None


def _restored(session: Session, workspace: Workspace, *, with_history: bool) -> RestoredState:
    dataset, problems = session.dataset, list[str]()
    view = _view(workspace, problems)
    image_id = _known_fragment(view, dataset, problems)
    fragment = session.fragment if image_id is None else dataset[image_id]
    setting = _setting(workspace, problems)
    known, pins = frozenset(dataset.image_ids), workspace.pins()
    corrections = _corrections(workspace.corrections(), dataset, problems)
    accepted_corrections = workspace.accepted_corrections()
    kept = workspace.history() if with_history else ()
    entries = tuple(entry for entry in kept if entry.image_id in known)
    restored = RestoredState(
        setting=None if setting is None else fitting_setting(setting, fragment),
        image_id=image_id,
        z=None if image_id is None else _slice_index(view, fragment.shape[0]),
        camera_zoom=_zoom(view),
        camera_center=_center(view),
        view=view,
        pins={pin.letter: pin.setting for pin in pins},
        pinned_corrections={pin.letter: _corrections(pin.corrections, dataset, []) for pin in pins},
        corrections=corrections,
        accepted=_accepted(workspace, accepted_corrections, dataset, problems),
        accepted_corrections=accepted_corrections,
        landscapes=_landscapes(workspace, known, problems) if with_history else (),
        history=entries,
        history_position=_position(workspace.state("history_position"), entries),
    )
    return replace(restored, problems=(*problems, *map(str, workspace.damage)))


def _view(workspace: Workspace, problems: list[str]) -> dict[str, JsonValue]:
    view = workspace.state("view", {})
    if isinstance(view, dict):
        return view
    problems.append(f"view: found {type(view).__name__}, expected a JSON object")
    return {}


def _known_fragment(
    view: Mapping[str, JsonValue], dataset: DataSet, problems: list[str]
) -> str | None:
    image_id = view.get("image_id")
    if image_id is None:
        return None
    if isinstance(image_id, str) and image_id in dataset.image_ids:
        try:
            return dataset[image_id].image_id
        except (FragmentError, VolumeError) as error:
            problems.append(f"the fragment that was shown: {printable(str(error))}")
            return None
    problems.append(
        f"the fragment {printable(str(image_id))}, which was shown, is not in {dataset.name}"
    )
    return None


def _slice_index(view: Mapping[str, JsonValue], depth: int) -> int | None:
    """Return the kept z, or the nearest slice that there is."""
    z = _whole_number(view.get("z"))
    return None if z is None else min(max(z, 0), depth - 1)


def _zoom(view: Mapping[str, JsonValue]) -> float | None:
    zoom = _number(view.get("camera_zoom"))
    return zoom if zoom is not None and zoom > 0 else None


def _center(view: Mapping[str, JsonValue]) -> tuple[float, ...]:
    center = view.get("camera_center")
    if not isinstance(center, list) or len(center) not in _CENTER_AXES:
        return ()
    numbers = [_number(value) for value in center]
    known = tuple(number for number in numbers if number is not None)
    return known if len(known) == len(numbers) else ()


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _setting(workspace: Workspace, problems: list[str]) -> Setting | None:
    knobs = workspace.state("setting")
    if knobs is None:
        return None
    try:
        return parse_setting(knobs if isinstance(knobs, dict) else {"setting": knobs})
    except SettingError as error:
        problems.append(f"the sliders' setting is none of this program: {printable(str(error))}")
        return None


def _corrections(
    kept: Mapping[str, Corrections], dataset: DataSet, problems: list[str]
) -> dict[str, Corrections]:
    """Return the corrections of fragments that are there and of their shape."""
    fitting = {}
    for image_id, one in kept.items():
        if image_id not in dataset.image_ids:
            problems.append(f"corrections of {printable(image_id)}, which is not in {dataset.name}")
            continue
        try:
            check_corrections(dataset[image_id], one)
        except (FragmentError, VolumeError) as error:
            problems.append(f"corrections do not fit any more: {printable(str(error))}")
            continue
        fitting[image_id] = one
    return fitting


def _accepted(
    workspace: Workspace,
    corrections: Mapping[str, Corrections],
    dataset: DataSet,
    problems: list[str],
) -> dict[str, Setting]:
    fitting = {}
    for image_id, setting in workspace.accepted().items():
        if image_id not in dataset.image_ids:
            problems.append(
                f"a setting is accepted for {printable(image_id)}, which is not in {dataset.name}"
            )
            continue
        try:
            if dataset.is_open(image_id):  # the others are checked when they are exported
                checked_fragments(dataset, {image_id: setting})
            if image_id in corrections:
                check_corrections(dataset[image_id], corrections[image_id])
        except (FragmentError, VolumeError) as error:
            problems.append(f"an accepted setting does not fit any more: {printable(str(error))}")
            continue
        fitting[image_id] = setting
    return fitting


def _landscapes(
    workspace: Workspace, known: frozenset[str], problems: list[str]
) -> tuple[Landscape, ...]:
    """Return the landscapes of fragments that are there, those written last at the end."""
    found = []
    for saved in workspace.landscapes.all():
        if saved.image_id in known:
            try:
                found.append(landscape_of(saved))
            except LandscapeFault as error:
                problems.append(str(error))
    return tuple(found)


def _position(entry_id: JsonValue, entries: tuple[HistoryEntry, ...]) -> int | None:
    """Return the index of the entry that was the current one."""
    for index, entry in enumerate(entries):
        if entry.id == entry_id:
            return index
    return None
