"""``nx46 presets``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from napari_nx46.cli.flags.groups import with_flag_groups
from napari_nx46.cli.flags.knob_flags import KnobFlags
from napari_nx46.cli.flags.knobs import chosen_setting
from napari_nx46.cli.output.console import echo, guarded, note, print_table
from napari_nx46.cli.output.reporting import shown_knobs
from napari_nx46.files.presets import PRESETS_VARIABLE, PresetStore, default_store
from napari_nx46.setting import Setting, SettingError, all_presets, preset_description, preset_notes

_SECTION = "Your presets"
_ENVIRONMENT = f"[env var of their folder: {PRESETS_VARIABLE}]"


class Origin(StrEnum):
    """Who made a preset."""

    PUBLISHED = "published"
    YOURS = "yours"


@dataclass(frozen=True, slots=True)
class NamedPreset:
    """A preset that can be chosen.

    Parameters
    ----------
    name : str
    origin : Origin
    setting : Setting
    description : str
        One line; empty for yours.
    """

    name: str
    origin: Origin
    setting: Setting
    description: str = ""


@guarded
@with_flag_groups
def presets(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="List the presets as JSON, with every knob.")
    ] = False,
    save: Annotated[
        str | None,
        typer.Option(
            "--save",
            metavar="NAME",
            help=f"Save what the knobs' flags give under this name.  {_ENVIRONMENT}",
            rich_help_panel=_SECTION,
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Let --save replace one of your presets.",
            rich_help_panel=_SECTION,
        ),
    ] = False,
    delete: Annotated[
        str | None,
        typer.Option(
            "--delete",
            metavar="NAME",
            help="Delete one of your presets.",
            rich_help_panel=_SECTION,
        ),
    ] = None,
    knobs: KnobFlags,
) -> None:
    """List the presets, what they are, and the knobs that differ from the defaults; save yours."""
    _check_usage(knobs, as_json=as_json, save=save, replace=replace, delete=delete)
    store = default_store(os.environ)
    if save is not None:
        setting = chosen_setting(knobs, os.environ, note)
        echo(f"saved {save}: {store.save(save, setting, replace=replace)}")
    elif delete is not None:
        store.delete(delete)
        echo(f"deleted {delete}")
    elif as_json:
        echo(json.dumps([_record(preset) for preset in _known_presets(store)], indent=2))
    else:
        print_table(
            ("preset", "origin", "description", "knobs"),
            [
                (
                    *(preset.name, preset.origin.value),
                    *(preset.description, shown_knobs(preset.setting) or "defaults"),
                )
                for preset in _known_presets(store)
            ],
        )


def _check_usage(
    knobs: KnobFlags, *, as_json: bool, save: str | None, replace: bool, delete: str | None
) -> None:
    flags = {"--json": as_json, "--save": save is not None, "--delete": delete is not None}
    given = [name for name, is_given in flags.items() if is_given]
    if len(given) > 1:
        raise SettingError(f"found {' and '.join(given)}; expected one of them")
    if save is None and (replace or knobs.any_given):
        what = "--replace" if replace else "knobs"
        raise SettingError(f"found {what} without --save, which alone takes them")


def _known_presets(store: PresetStore) -> Iterator[NamedPreset]:
    """Yield all presets; of one that cannot be read there is a warning instead."""
    for name, setting in all_presets().items():
        yield NamedPreset(name, Origin.PUBLISHED, setting, preset_description(name))
    for name in store.names():
        try:
            yield NamedPreset(name, Origin.YOURS, store.read(name))
        except SettingError as error:
            note(f"warning: {error}")


def _record(preset: NamedPreset) -> dict[str, object]:
    return {
        "name": preset.name,
        "origin": preset.origin.value,
        "description": preset.description,
        "notes": preset_notes(preset.name),
        "setting": preset.setting.model_dump(mode="json"),
    }
