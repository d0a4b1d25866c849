"""Everything that the manifest names is there: npe2's own validator does not look."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from importlib import import_module, resources
from importlib.metadata import distribution

import pytest
from napari._app_model.constants._menus import MenuId, is_menu_contributable
from npe2 import PluginManifest

from napari_nx46.files.naming import ARCHIVE_SUFFIX
from napari_nx46.files.volumes.opening import VOLUME_SUFFIXES
from napari_nx46.viewer.window.actions import ACTIONS
from napari_nx46.viewer.window.docks import DOCKS

NAME = "napari-nx46"
KINDS_WITH_COMMANDS = ("readers", "writers", "widgets", "sample_data")


def manifest_of_package() -> PluginManifest:
    with resources.as_file(resources.files("napari_nx46") / "napari.yaml") as path:
        return PluginManifest.from_file(path)


MANIFEST = manifest_of_package()
COMMANDS = {command.id: command for command in MANIFEST.contributions.commands}


def referenced_commands() -> list[tuple[str, str]]:
    contributions = MANIFEST.contributions
    found = [
        (kind, item.command)
        for kind in KINDS_WITH_COMMANDS
        for item in getattr(contributions, kind) or ()
    ]
    for menu, items in contributions.menus.items():
        found += [(menu, item.command) for item in items if hasattr(item, "command")]
    return found


def test_the_link_at_the_top_is_the_manifest_of_the_package(repository):
    top = repository / "napari.yaml"
    inside = repository / "napari_nx46" / "napari.yaml"
    assert top.samefile(inside)
    assert PluginManifest.from_file(top) == PluginManifest.from_file(inside) == MANIFEST
    assert MANIFEST.name == NAME


def test_the_installed_distribution_gives_the_same_manifest():
    found = PluginManifest.from_distribution(NAME)
    assert found.contributions == MANIFEST.contributions
    assert found.package_version == distribution(NAME).version


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_every_command_has_the_plugins_prefix_and_imports(command):
    assert command.id.startswith(f"{NAME}.")
    assert command.title
    module, _, attribute = str(command.python_name).partition(":")
    assert callable(getattr(import_module(module), attribute))


@pytest.mark.parametrize(("place", "command"), referenced_commands())
def test_every_command_that_is_referenced_is_declared(place, command):
    assert command in COMMANDS


def test_every_declared_command_is_used_or_an_action_of_the_palette():
    used = {command for _, command in referenced_commands()}
    actions = {f"{NAME}.{action.name}" for action in ACTIONS}
    assert set(COMMANDS) == used | actions
    assert not used & actions


@pytest.mark.parametrize("action", ACTIONS, ids=[action.name for action in ACTIONS])
def test_every_action_has_its_title_in_the_palette(action):
    command = COMMANDS[f"{NAME}.{action.name}"]
    assert command.title == action.title
    assert command.python_name == f"napari_nx46.viewer.plugin.commands:{action.name}"


@pytest.mark.parametrize("entry", DOCKS, ids=[entry.name for entry in DOCKS])
def test_every_dock_is_a_widget_of_the_plugin(entry):
    widgets = {item.display_name: item.command for item in MANIFEST.contributions.widgets}
    assert COMMANDS[widgets[entry.name]].python_name == entry.python_name
    assert entry.title == f"{entry.name} ({MANIFEST.display_name})"


@pytest.mark.parametrize("menu", MANIFEST.contributions.menus)
def test_every_menu_is_one_that_plugins_may_add_to(menu):
    assert menu in set(MenuId)
    assert is_menu_contributable(menu)


def test_the_menu_check_refuses_unknown_and_closed_menus():
    assert not is_menu_contributable("napari/layers/segmentation")
    assert not is_menu_contributable("napari/help")


def test_tuning_layers_is_in_the_segment_menu():
    items = MANIFEST.contributions.menus["napari/layers/segment"]
    assert [item.command for item in items] == ["napari-nx46.tune_layers"]


def test_readers_take_every_suffix_that_volumes_have_and_folders():
    (reader,) = MANIFEST.contributions.readers
    assert reader.accepts_directories
    for suffix in VOLUME_SUFFIXES:
        assert any(fnmatch(f"fragment{suffix}", item) for item in reader.filename_patterns)
    for pattern in reader.filename_patterns:
        assert pattern.lstrip("*") in {*VOLUME_SUFFIXES, ARCHIVE_SUFFIX}


def test_there_are_samples_widgets_and_writers_for_masks():
    contributions = MANIFEST.contributions
    assert [sample.key for sample in contributions.sample_data] == ["wound", "pressed", "torn"]
    names = [widget.display_name for widget in contributions.widgets]
    assert names == ["Tune surface mask", *(entry.name for entry in DOCKS)]
    assert {writer.layer_types[0] for writer in contributions.writers} == {"image", "labels"}
    assert all(writer.filename_extensions == [".tif", ".tiff"] for writer in contributions.writers)


def test_wheels_carry_the_manifest_and_every_file_beside_the_modules(repository):
    settings = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["napari_nx46"]
    package = repository / "napari_nx46"
    files = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }
    assert {"napari.yaml", "run/compare/templates/comparison.md.jinja"} <= files
    left_out = [name for name in files if not any(fnmatch(name, one) for one in patterns)]
    assert left_out == []
