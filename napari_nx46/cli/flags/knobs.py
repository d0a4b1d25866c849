"""The setting that flags and environment give together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from napari_nx46.cli.flags.knob_flags import KnobFlags, flag_name, with_implied
from napari_nx46.files.presets import default_store, find_preset
from napari_nx46.files.settings import read_setting
from napari_nx46.setting import (
    ENVIRONMENT_FIELDS,
    Setting,
    SettingError,
    checked_knob,
    knob_applies,
    knobs_from_environment,
    parse_setting,
)


def chosen_setting(
    flags: KnobFlags, environment: Mapping[str, str], notify: Callable[[str], None]
) -> Setting:
    """Return the setting: defaults, then environment, then preset or file, then single knobs.

    Parameters
    ----------
    flags : KnobFlags
    environment : mapping
        Usually ``os.environ``; it also says where the user's presets are.
    notify : callable
        Called with a line of text for every variable that a preset or a file overrides.

    Raises
    ------
    SettingError
        If a value is out of range, whatever overrides it; the message names variable or flag. If
        flags contradict each other, or there is no such preset or setting file.
    """
    from_environment = _environment_knobs(environment)
    whole, origin = _whole_setting(flags, environment)
    single = with_implied(
        {name: _checked(flag_name(name), name, value) for name, value in flags.knobs.items()}
    )
    if whole is not None:
        for note in _overridden(from_environment, environment, whole, origin):
            notify(note)
        return whole.changed(**single)
    try:
        return parse_setting({**from_environment, **single})
    except SettingError as error:
        kept = [
            f"{variable}={environment[variable]}"
            for variable, field in ENVIRONMENT_FIELDS.items()
            if field in from_environment and field not in single
        ]
        given = f" (environment variables: {', '.join(kept)})" if kept else ""
        raise SettingError(f"{error}{given}") from error


def _environment_knobs(environment: Mapping[str, str]) -> dict[str, object]:
    knobs: dict[str, object] = dict(knobs_from_environment(environment))
    for variable, field in ENVIRONMENT_FIELDS.items():
        if field in knobs:
            knobs[field] = _checked(f"environment variable {variable}", field, knobs[field])
    return knobs


def _whole_setting(flags: KnobFlags, environment: Mapping[str, str]) -> tuple[Setting | None, str]:
    """Return the setting that gives every knob, and the flag it comes from."""
    if flags.preset is not None and flags.setting_file is not None:
        raise SettingError("found both --preset and --setting; expected one of them")
    if flags.preset is not None:
        store = default_store(environment)
        return find_preset(flags.preset, store), f"--preset {flags.preset}"
    if flags.setting_file is not None:
        return read_setting(flags.setting_file), f"--setting {flags.setting_file}"
    return None, ""


def _overridden(
    knobs: Mapping[str, object], environment: Mapping[str, str], whole: Setting, origin: str
) -> list[str]:
    """Return a line for every variable whose knob is another one, or is not read, in `whole`."""
    notes = []
    for variable, field in ENVIRONMENT_FIELDS.items():
        if field not in knobs:
            continue
        value = getattr(whole, field)
        if not knob_applies(field, whole):
            value = f"which does not use {field}"
        elif value == knobs[field]:
            continue
        notes.append(
            f"note: {variable}={environment[variable]} is overridden by {origin} ({value})"
        )
    return notes


def _checked(origin: str, field: str, value: object) -> object:
    """Return the value of one knob as a setting holds it; a fault names where it comes from."""
    try:
        return checked_knob(field, value)
    except SettingError as error:
        raise SettingError(f"{origin}: {error}") from error
