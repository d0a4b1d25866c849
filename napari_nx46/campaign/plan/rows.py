"""One row of a matrix, a grid or a search: knob values by name -> a setting, or its faults."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from napari_nx46.campaign.plan.faults import PlanFault, nearest
from napari_nx46.campaign.records.results import PlannedRun
from napari_nx46.files.naming import printable
from napari_nx46.setting import (
    ENVIRONMENT_FIELDS,
    IMPLIED_KNOBS,
    Setting,
    SettingError,
    all_presets,
    checked_knob,
    knobs_from_environment,
)

PRESET_KEY = "preset"
"""Names a published preset; what it states counts before the other knobs of the row."""

MOST_RUNS = 4096
"""Runs of a campaign; thousands of settings are more than anybody compares."""

LONGEST_RUN_ID = 200

_RUN_ID = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.,=+-]{{0,{LONGEST_RUN_ID - 1}}}")


def row_faults_or_run(
    run_id: str, row: Mapping[str, object], base: Setting
) -> PlannedRun | tuple[PlanFault, ...]:
    """Return the run that a row gives, or everything that is wrong with it.

    Parameters
    ----------
    run_id : str
    row : mapping
        Knob -> value. A knob is named by its field of the setting, or by its environment variable;
        `PRESET_KEY` names a preset. A knob that belongs to one threshold rule chooses that rule,
        as the flags do, unless the row has the rule itself.
    base : Setting
        Gives the knobs that neither the row nor its preset states.
    """
    faults = [*_name_faults(row), *_value_faults(row)] or _conflicts(row)
    if not faults:
        try:
            return PlannedRun(run_id, base.changed(**_stated(row)))
        except SettingError as error:
            faults = [PlanFault(str(error))]
    return tuple(PlanFault(fault.message, run_id, fault.knob) for fault in faults)


def field_of(key: str) -> str | None:
    """Return the setting's field that a key of a row names, or None."""
    return ENVIRONMENT_FIELDS.get(key, key if key in Setting.model_fields else None)


def unknown_knob(key: str) -> PlanFault:
    """Return the fault of a name that no knob has."""
    names = (*Setting.model_fields, *ENVIRONMENT_FIELDS)
    return PlanFault(f"there is no such knob{nearest(key, names)}", knob=key)


def value_fault(field: str, value: object) -> str:
    """Return what is wrong with a knob's value, whatever the others are; empty if nothing is.

    Parameters
    ----------
    field : str
        Of the setting.
    value : object
        Text counts as what it says; True and False are no numbers, and numbers are neither.
    """
    is_switch = Setting.model_fields[field].annotation is bool
    if not isinstance(value, str) and isinstance(value, bool) != is_switch:
        return f"expected {'true or false' if is_switch else 'no switch'} (found {value!r})"
    try:
        checked_knob(field, value)
    except SettingError as error:
        return str(error)
    return ""


def run_id_fault(run_id: object) -> str:
    """Return what is wrong with a run_id; empty if nothing is."""
    if isinstance(run_id, str) and _RUN_ID.fullmatch(run_id):
        return ""
    found = "none" if run_id is None else repr(printable(str(run_id)))
    return (
        f"found {found}, expected at most {LONGEST_RUN_ID} letters, digits and any of "
        "'_.,=+-', a letter, a digit or '_' first"
    )


def repeated_faults(run_ids: Iterable[str]) -> list[PlanFault]:
    """Return a fault for every run_id that is there more than once."""
    return [
        PlanFault(f"the run_id is there {times} times, expected once", run_id)
        for run_id, times in Counter(run_ids).items()
        if times > 1
    ]


def count_faults(runs: int) -> list[PlanFault]:
    """Return a fault if a campaign would have no run, or too many."""
    if 1 <= runs <= MOST_RUNS:
        return []
    return [PlanFault(f"found {runs} runs, expected 1 to {MOST_RUNS}")]


def equal_runs(runs: Sequence[PlannedRun]) -> list[tuple[str, ...]]:
    """Return the run_ids of the runs that have equal settings, a tuple for each such setting."""
    by_setting: dict[Setting, list[str]] = {}
    for run in runs:
        by_setting.setdefault(run.setting, []).append(run.run_id)
    return [tuple(run_ids) for run_ids in by_setting.values() if len(run_ids) > 1]


def _name_faults(row: Mapping[str, object]) -> list[PlanFault]:
    unknown = [key for key in row if key != PRESET_KEY and field_of(key) is None]
    fields = Counter(field_of(key) for key in row)
    twice = [
        key for key in row if key in ENVIRONMENT_FIELDS and fields[ENVIRONMENT_FIELDS[key]] > 1
    ]
    return [unknown_knob(key) for key in unknown] + [
        PlanFault(f"found {ENVIRONMENT_FIELDS[key]} as well, expected one of them", knob=key)
        for key in twice
    ]


def _value_faults(row: Mapping[str, object]) -> list[PlanFault]:
    faults = []
    for key, value in row.items():
        field = field_of(key)
        if key == PRESET_KEY:
            fault = _preset_fault(value)
        else:
            fault = "" if field is None else value_fault(field, value)
        if fault:
            faults.append(PlanFault(fault, knob=key))
    return faults


def _preset_fault(name: object) -> str:
    presets = all_presets()
    if isinstance(name, str) and name in presets:
        return ""
    return f"there is no published preset {printable(str(name))!r}{nearest(str(name), presets)}"


def _conflicts(row: Mapping[str, object]) -> list[PlanFault]:
    """Return the faults of knobs that belong to different rules, in a row that gives no rule."""
    variables = {key: str(row[key]) for key in row if key in ENVIRONMENT_FIELDS}
    try:
        knobs_from_environment(variables)
    except SettingError as error:
        return [PlanFault(str(error))]
    wanted: dict[str, tuple[str, object]] = {}
    faults = []
    for key, field in _fields(row).items():
        for implied, value in _implied(field, row[key]).items():
            given = ("its own", row[implied]) if implied in row else (key, value)
            other, others = wanted.setdefault(implied, given)
            # A row may hold every knob: its rule then says which of them count. A variable is
            # given on purpose.
            if others != value and (implied not in row or key in ENVIRONMENT_FIELDS):
                faults.append(
                    PlanFault(
                        f"belongs to {implied} {value}, but found {implied} {others} of {other}; "
                        "expected one of them",
                        knob=key,
                    )
                )
    return faults


def _stated(row: Mapping[str, object]) -> dict[str, object]:
    """Return the knobs that a row gives by field: its preset's, then its own with the implied."""
    knobs: dict[str, object] = {}
    if PRESET_KEY in row:
        preset = all_presets()[str(row[PRESET_KEY])]
        knobs = {field: getattr(preset, field) for field in Setting.model_fields}
    return knobs | _with_implied({field: row[key] for key, field in _fields(row).items()})


def _with_implied(knobs: Mapping[str, object]) -> dict[str, object]:
    whole: dict[str, object] = {}
    for field, value in knobs.items():
        whole |= _implied(field, value)
    return whole | dict(knobs)


def _implied(field: str, value: object) -> Mapping[str, object]:
    """Return the knobs without which one would change nothing; of one that says nothing, none."""
    return {} if value is None else IMPLIED_KNOBS.get(field, {})


def _fields(row: Mapping[str, object]) -> dict[str, str]:
    """Return key -> field of the knobs of a row."""
    fields = ((key, field_of(key)) for key in row)
    return {key: field for key, field in fields if field is not None}
