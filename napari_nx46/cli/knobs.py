"""The setting that flags and environment give together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_nx46.setting import (
    ENVIRONMENT_FIELDS,
    BlockExtents,
    Domain,
    Setting,
    SettingError,
    knobs_from_environment,
    parse_setting,
    preset,
    read_setting,
)


@dataclass(frozen=True, slots=True)
class KnobFlags:
    """The flags that give knobs; None where a flag was not given.

    Parameters
    ----------
    preset : str, optional
        Name of a preset, which gives every knob.
    setting_file : Path, optional
        A setting file, which gives every knob.
    quantile, blend, z_radius, domain, block
        Single knobs; see `Setting`.
    """

    preset: str | None = None
    setting_file: Path | None = None
    quantile: float | None = None
    blend: float | None = None
    z_radius: int | None = None
    domain: Domain | None = None
    block: BlockExtents | None = None


def chosen_setting(
    flags: KnobFlags, environment: Mapping[str, str], tell: Callable[[str], None]
) -> Setting:
    """Return the setting: defaults, then environment, then preset or file, then single knobs.

    Parameters
    ----------
    flags : KnobFlags
    environment : mapping
        Usually ``os.environ``.
    tell : callable
        Called with a line of text for every variable that a preset or a file overrides.

    Raises
    ------
    SettingError
        If a value is out of range, whatever overrides it; the message names variable or flag.
    """
    from_environment = _environment_knobs(environment)
    whole, origin = _whole_setting(flags)
    if whole is None:
        return parse_setting(from_environment).changed(**_single_knobs(flags))
    for variable, field in ENVIRONMENT_FIELDS.items():
        value = getattr(whole, field)
        if field in from_environment and from_environment[field] != value:
            tell(f"note: {variable}={environment[variable]} is overridden by {origin} ({value})")
    return whole.changed(**_single_knobs(flags))


def _environment_knobs(environment: Mapping[str, str]) -> dict[str, object]:
    given = knobs_from_environment(environment)
    return {
        field: _checked(f"environment variable {variable}", field, given[field])
        for variable, field in ENVIRONMENT_FIELDS.items()
        if field in given
    }


def _whole_setting(flags: KnobFlags) -> tuple[Setting | None, str]:
    """Return the setting that gives every knob, and the flag it comes from."""
    if flags.preset is not None and flags.setting_file is not None:
        raise SettingError("found both --preset and --setting; expected one of them")
    if flags.preset is not None:
        return preset(flags.preset), f"--preset {flags.preset}"
    if flags.setting_file is not None:
        return read_setting(flags.setting_file), f"--setting {flags.setting_file}"
    return None, ""


def _single_knobs(flags: KnobFlags) -> dict[str, object]:
    numbers = {"quantile": flags.quantile, "blend": flags.blend, "z_radius": flags.z_radius}
    knobs: dict[str, object] = {
        field: _checked("--" + field.replace("_", "-"), field, value)
        for field, value in numbers.items()
        if value is not None
    }
    if flags.block is not None:
        if flags.domain not in (None, Domain.BLOCK):
            raise SettingError(
                f"found --block with --domain {flags.domain}; a block counts only with "
                "--domain block, which --block implies"
            )
        knobs |= {"domain": Domain.BLOCK, "block": flags.block}
    elif flags.domain is not None:
        knobs["domain"] = flags.domain
    return knobs


def _checked(origin: str, field: str, value: str | float) -> object:
    """Return the value of one knob as a setting holds it."""
    try:
        return getattr(parse_setting({field: value}), field)
    except SettingError as error:
        raise SettingError(f"{origin}: {str(error).removeprefix(field + ': ')}") from error
