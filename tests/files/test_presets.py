"""A user's presets come back equal, under plain names only, and never half written."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_nx46.files import presets
from napari_nx46.files.atomic import WriteError
from napari_nx46.files.presets import PresetStore, default_store, find_preset
from napari_nx46.setting import Setting, SettingError, all_presets, preset

SETTING = Setting(
    weights={"p3d": 0.5, "unet": 2}, domain="block", block=((0, 1), (2, 3), (4, 5)), opening=True
)


@pytest.fixture
def store(tmp_path):
    return PresetStore(tmp_path / "config" / "presets")


def test_a_store_that_was_never_used_is_empty_and_reading_makes_no_folder(store):
    assert store.names() == ()
    assert not store.has("mine")
    with pytest.raises(SettingError, match="there are: none"):
        store.read("mine")
    assert not store.folder.parent.exists()


def test_presets_come_back_equal_in_ascending_order_until_they_are_deleted(store):
    paths = [store.save(name, SETTING.changed(blend=0.1)) for name in ("b", "a.1", "B_-2")]
    assert store.save("b", SETTING, replace=True) == paths[0]
    assert store.names() == ("B_-2", "a.1", "b")
    assert store.read("b") == SETTING
    assert store.read("a.1") == SETTING.changed(blend=0.1)
    store.delete("b")
    assert store.names() == ("B_-2", "a.1")
    with pytest.raises(SettingError, match=r"no preset 'b' .*; there are: B_-2, a\.1"):
        store.delete("b")
    assert sorted(path.name for path in store.folder.iterdir()) == ["B_-2.json", "a.1.json"]


def test_a_preset_is_replaced_only_when_that_is_said(store):
    store.save("mine", SETTING)
    with pytest.raises(SettingError, match="'mine' already"):
        store.save("mine", Setting())
    assert store.read("mine") == SETTING


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".hidden",
        "a/b",
        "../a",
        "a\\b",
        "a b",
        "a\n",
        "ä",
        "x" * 65,
        "a:b",
        "\0",
        "~",
    ],
)
def test_names_that_are_not_plain_are_refused_before_anything_is_touched(store, name):
    with pytest.raises(SettingError, match="as the name of a preset"):
        store.save(name, SETTING)
    with pytest.raises(SettingError, match="no preset"):
        store.read(name)
    with pytest.raises(SettingError, match="no preset"):
        store.delete(name)
    assert not store.folder.exists()


@given(name=st.text(max_size=70))
def test_any_text_is_a_name_in_the_folder_or_refused(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("presets")
    try:
        path = PresetStore(folder).save(name, Setting())
    except SettingError:
        assert list(folder.iterdir()) == []
    else:
        assert list(folder.iterdir()) == [path]
        assert PresetStore(folder).names() == (name,)


@pytest.mark.parametrize("name", ["first-place", "First-Place", "NX46-v7.5"])
def test_the_names_of_published_presets_are_taken(store, name):
    store.folder.mkdir(parents=True)
    (store.folder / f"{name}.json").write_text(SETTING.to_json())
    with pytest.raises(SettingError, match="published"):
        store.save(name, SETTING, replace=True)
    with pytest.raises(SettingError, match="published"):
        store.delete(name)
    assert store.names() == ()
    assert find_preset("first-place", store) == preset("first-place")


def test_names_that_only_look_like_presets_are_not_listed(store):
    store.save("mine", SETTING)
    (store.folder / "folder.json").mkdir()
    for name in ("notes.txt", "MINE.JSON", ".hidden.json", "two words.json", "x" * 65 + ".json"):
        (store.folder / name).touch()
    assert store.names() == ("mine",)
    with pytest.raises(SettingError, match="no preset"):
        store.read("folder")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"quantile": 2}', b'{"sharpness": 1}', b"\xff", b" " * 1_000_001],
)
def test_a_damaged_file_is_named_and_the_others_are_read(store, content):
    store.save("good", SETTING)
    (store.folder / "bad.json").write_bytes(content)
    with pytest.raises(SettingError, match=r"bad\.json"):
        store.read("bad")
    with pytest.raises(SettingError, match=r"bad\.json"):
        find_preset("bad", store)
    assert store.names() == ("bad", "good")
    assert store.read("good") == SETTING


def test_a_folder_of_too_many_files_is_refused(store, monkeypatch):
    monkeypatch.setattr(presets, "MOST_FILES", 3)
    for name in "abc":
        store.save(name, SETTING)
    assert store.names() == ("a", "b", "c")
    store.save("a", Setting(), replace=True)
    with pytest.raises(SettingError, match="holds 3 presets already"):
        store.save("d", SETTING)
    (store.folder / "notes.txt").touch()
    with pytest.raises(SettingError, match="more than 3 files"):
        store.names()


def test_a_save_that_fails_leaves_the_old_preset(store, monkeypatch):
    store.save("mine", SETTING)

    def no_rename(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_rename)
    with pytest.raises(WriteError, match=r"mine\.json"):
        store.save("mine", Setting(), replace=True)
    monkeypatch.undo()
    assert store.read("mine") == SETTING
    assert [path.name for path in store.folder.iterdir()] == ["mine.json"]


def test_a_folder_that_is_a_file_is_reported_as_what_it_is(tmp_path):
    (tmp_path / "presets").touch()
    with pytest.raises(OSError, match="presets"):
        PresetStore(tmp_path / "presets").names()
    with pytest.raises(OSError, match="presets"):
        PresetStore(tmp_path / "presets").save("mine", SETTING)


def test_published_presets_are_found_first_and_all_names_are_reported(store):
    store.save("mine", SETTING)
    assert find_preset("mine", store) == SETTING
    for name, setting in all_presets().items():
        assert find_preset(name, store) == setting
    with pytest.raises(SettingError) as caught:
        find_preset("none", store)
    for name in (*all_presets(), "mine"):
        assert name in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="the folder of the configuration differs")
def test_the_folder_is_that_of_the_environment_or_of_the_configuration(tmp_path, monkeypatch):
    assert default_store({"NX46_PRESETS_DIR": "here"}).folder.name == "here"
    monkeypatch.setenv("NX46_PRESETS_DIR", str(tmp_path))
    assert default_store() == PresetStore(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    expected = PresetStore(tmp_path / "config" / "napari-nx46" / "presets")
    assert default_store({"NX46_PRESETS_DIR": ""}) == expected
