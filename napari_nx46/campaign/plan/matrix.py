"""A campaign's matrix: a JSON file, perhaps a stranger's, or one that comes with the program."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from napari_nx46.campaign.plan.faults import PlanError, PlanFault, nearest
from napari_nx46.campaign.plan.rows import (
    MOST_RUNS,
    count_faults,
    repeated_faults,
    row_faults_or_run,
    run_id_fault,
)
from napari_nx46.campaign.records.results import CampaignPlan, PlannedRun
from napari_nx46.files.naming import printable
from napari_nx46.files.regular import open_regular
from napari_nx46.setting import Setting

MAXIMUM_MATRIX_BYTES = 16_000_000
"""Thousands of whole settings stay below; anything beyond this is no matrix."""

RUN_ID_KEY = "run_id"
_SUFFIX = ".json"
_MOST_KEYS = 100
_MOST_FAULTS = 1000
_FOLDER = files("napari_nx46.campaign.plan") / "matrices"


def read_plan(source: str | Path, base: Setting | None = None) -> CampaignPlan:
    """Read what a campaign runs.

    Parameters
    ----------
    source : str or Path
        Name of a shipped matrix (`shipped_matrices`), else a matrix file, or ``FILE:KEY`` for the
        list of that name in it. Of a file with several lists all are joined, in their order.
    base : Setting, optional
        Gives the knobs that a run does not state; the defaults if there is none.

    Raises
    ------
    PlanError
        If there is no such matrix, or for everything that is wrong with it.
    """
    text = str(source)
    base = base or Setting()
    if text in shipped_matrices():
        return parse_matrix((_FOLDER / (text + _SUFFIX)).read_bytes(), text, base)
    path, key = _file_and_key(text)
    name = path.name.removesuffix(_SUFFIX) + ("" if key is None else f":{key}")
    return parse_matrix(_content(path), name, base, key=key, origin=text)


def shipped_matrices() -> tuple[str, ...]:
    """Return the names of the matrices that come with the program, ascending.

    ``nx46-v7.5`` is the published campaign of NX46 V7.5, as in the presets. Of NX47 V61.3 only
    what was to be tried is published, the high and the low percentile and the fusion weight, and
    no number. ``nx47-v61.3`` is therefore this project's choice: V61.2 as the baseline, then nine
    runs, an orthogonal array of three levels each: high percentile at least 88, 90 or 92, gap to
    the low one 4, 6 or 8, blend weight 0.66, 0.72 or 0.78. Every pair of levels is in it once, so
    that the main effect of each knob can be found. V61.2's masks were somewhat denser than the band
    that is aimed at, so the percentiles go up from there.
    """
    names = (entry.name for entry in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def parse_matrix(
    content: bytes,
    name: str,
    base: Setting,
    *,
    key: str | None = None,
    origin: str | None = None,
) -> CampaignPlan:
    """Make a plan of the content of a matrix file.

    Parameters
    ----------
    content : bytes
        JSON: a list of objects with ``run_id`` and knobs as in `rows.row_faults_or_run`; or an
        object whose keys name such lists.
    name : str
        Of the plan.
    base : Setting
        Gives the knobs that a run does not state.
    key : str, optional
        The list that is taken; all of them if there is none.
    origin : str, optional
        Names the file in messages; the plan's name if there is none.

    Raises
    ------
    PlanError
        For everything that is wrong.
    """
    origin = name if origin is None else origin
    document = _parsed(content, origin)
    rows, faults = _rows(document.value, key)
    faults = [*document.faults, *faults]
    runs: list[PlannedRun] = []
    for row in rows:
        if len(faults) >= _MOST_FAULTS:
            faults.append(PlanFault("was not looked at, nor what follows", row.place))
            break
        run = _run(row, base)
        if isinstance(run, PlannedRun):
            runs.append(run)
        else:
            faults += run
    faults += repeated_faults(str(row.value[RUN_ID_KEY]) for row in rows if row.has_run_id)
    if faults:
        raise PlanError(origin, faults)
    return CampaignPlan(name, tuple(runs))


def matrix_json(plan: CampaignPlan) -> str:
    """Return a plan as a matrix file that `read_plan` reads back with equal runs, every knob."""
    rows = [matrix_row(run) for run in plan.runs]
    return json.dumps(rows, indent=2) + "\n"


def matrix_row(run: PlannedRun) -> dict[str, object]:
    """Return a run as an entry of a matrix file, with every knob."""
    return {RUN_ID_KEY: run.run_id, **run.setting.model_dump(mode="json")}


@dataclass(frozen=True, slots=True)
class _Document:
    """What a JSON text says, and the names that stand in one object more than once."""

    value: object
    faults: tuple[PlanFault, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """An entry of a list, and which one it is."""

    place: str
    value: Mapping[str, object]

    @property
    def has_run_id(self) -> bool:
        return not run_id_fault(self.value.get(RUN_ID_KEY))


def _file_and_key(text: str) -> tuple[Path, str | None]:
    """Return file and key; a file whose whole name has a colon is taken as it is."""
    file, colon, key = text.rpartition(":")
    if not Path(text).is_file() and colon and Path(file).is_file():
        return Path(file), key
    return Path(text), None


def _content(path: Path) -> bytes:
    if not path.is_file():
        shipped = shipped_matrices()
        raise PlanError(
            printable(str(path)),
            [
                PlanFault(
                    f"there is no such file, nor a shipped matrix of that name, "
                    f"which are {', '.join(shipped)}{nearest(str(path), shipped)}"
                )
            ],
        )
    try:
        with open_regular(path) as stream:
            content = stream.read(MAXIMUM_MATRIX_BYTES + 1)
    except OSError as error:
        raise PlanError(str(path), [PlanFault(f"cannot be read ({error.strerror})")]) from error
    if len(content) > MAXIMUM_MATRIX_BYTES:
        raise PlanError(
            str(path),
            [PlanFault(f"too large for a matrix, expected at most {MAXIMUM_MATRIX_BYTES} bytes")],
        )
    return content


def _parsed(content: bytes, origin: str) -> _Document:
    repeated: list[PlanFault] = []

    def whole_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        run_id = found.get(RUN_ID_KEY)
        repeated.extend(
            PlanFault(
                f"found the name {times} times in one object, expected once",
                run_id if isinstance(run_id, str) else "",
                name,
            )
            for name, times in Counter(name for name, _ in pairs).items()
            if times > 1 and len(repeated) < MOST_RUNS
        )
        return found

    try:
        value = json.loads(content, object_pairs_hook=whole_object)
    except (ValueError, RecursionError) as error:
        raise PlanError(origin, [PlanFault(f"found no JSON ({error})")]) from error
    return _Document(value, tuple(repeated))


def _rows(document: object, key: str | None) -> tuple[list[_Row], list[PlanFault]]:
    """Return the entries of the lists that are taken, and what is wrong with the lists."""
    if isinstance(document, dict):
        lists: dict[str, object] = document
        if key is not None and key not in lists:
            names = ", ".join(printable(name) for name in lists) or "none"
            wrong = PlanFault(
                f"there is no list {printable(key)!r}{nearest(key, lists)}; found {names}"
            )
            return [], [wrong]
        chosen = lists if key is None else {key: lists[key]}
    elif key is not None:
        return [], [
            PlanFault(f"found a list without a name, expected one named {printable(key)!r}")
        ]
    else:
        chosen = {"": document}
    wrong_kind = {
        name: entries for name, entries in chosen.items() if not isinstance(entries, list)
    }
    lists_of_runs = {name: entries for name, entries in chosen.items() if isinstance(entries, list)}
    faults = [PlanFault(_no_list(name, entries)) for name, entries in wrong_kind.items()]
    too_many_or_few = count_faults(sum(map(len, lists_of_runs.values())))
    if too_many_or_few:
        return [], faults or too_many_or_few
    rows: list[_Row] = []
    for name, entries in lists_of_runs.items():
        of_list, wrong_entries = _entries(
            entries, f"of {printable(name)}" if name else "of the list"
        )
        rows += of_list
        faults += wrong_entries
    return rows, faults


def _no_list(name: str, entries: object) -> str:
    where = f" under {printable(name)!r}" if name else ""
    return (
        f"found {_kind(entries)}{where}, expected a list of objects with {RUN_ID_KEY} and "
        "knobs, or an object whose keys name such lists"
    )


def _kind(value: object) -> str:
    """Return what a JSON value is, in JSON's own words."""
    if isinstance(value, dict):
        return f"an object of {len(value)} names"
    kinds = {bool: "true or false", str: "text", list: "a list", type(None): "null"}
    return kinds.get(type(value), "a number")


def _entries(entries: Sequence[object], place: str) -> tuple[list[_Row], list[PlanFault]]:
    rows, faults = [], []
    for number, entry in enumerate(entries, start=1):
        label = f"{number} {place}"
        if isinstance(entry, dict) and len(entry) <= _MOST_KEYS:
            rows.append(_Row(label, entry))
        else:
            faults.append(PlanFault(f"found {_kind(entry)}, expected an object of knobs", label))
    return rows, faults


def _run(row: _Row, base: Setting) -> PlannedRun | tuple[PlanFault, ...]:
    knobs = {name: value for name, value in row.value.items() if name != RUN_ID_KEY}
    fault = run_id_fault(row.value.get(RUN_ID_KEY))
    run = row_faults_or_run(row.place if fault else str(row.value[RUN_ID_KEY]), knobs, base)
    if not fault:
        return run
    others = () if isinstance(run, PlannedRun) else run
    return (PlanFault(fault, row.place, RUN_ID_KEY), *others)
