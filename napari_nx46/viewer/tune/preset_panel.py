"""The published presets and the user's own: choosing, saving and deleting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QInputDialog,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_nx46.live.session import Session
from napari_nx46.setting import (
    Domain,
    Setting,
    SettingError,
    all_presets,
    preset_description,
    preset_notes,
)
from napari_nx46.viewer.messages.plain_text import PlainLabel, confirm, plain_tip
from napari_nx46.viewer.widgets.layout import WrappedLabel

NOTHING_CHOSEN = "Choose a preset…"


class Store(Protocol):
    """Keeps a user's presets; see `files.presets.PresetStore`."""

    def names(self) -> tuple[str, ...]:
        """Return the names, ascending."""

    def read(self, name: str) -> Setting:
        """Return a preset."""

    def save(self, name: str, setting: Setting, *, replace: bool = False) -> object:
        """Save a preset."""

    def delete(self, name: str) -> None:
        """Delete a preset."""


class PresetPanel(QWidget):
    """A chooser of presets, with buttons that save and delete the user's own.

    Parameters
    ----------
    session : Session
    store : Store
        The user's own presets.

    Attributes
    ----------
    box : QComboBox
        The published names, then the user's; none is chosen while the sliders differ.
    description_label : QLabel
        What the published preset is that is shown; hidden while none is.
    message_label : QLabel
        Why something was not done; hidden while there is nothing to say.
    """

    def __init__(self, session: Session, store: Store, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._store = store
        self._published: Mapping[str, Setting] = all_presets()
        self._own: tuple[str, ...] = ()
        self._name = ""
        self._preset: Setting | None = None
        self._is_shown = False
        self.box = QComboBox()
        self.box.setAccessibleName("Preset")
        self.box.setToolTip("Published settings, then your own; choosing one sets all knobs")
        self.box.setPlaceholderText(NOTHING_CHOSEN)
        # Long names are cut off rather than widen the dock.
        self.box.setMinimumContentsLength(8)
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.save_button = QPushButton("Save as…")
        self.save_button.setToolTip("Save the knobs as they stand as a preset of your own")
        self.delete_button = QPushButton("Delete")
        self.delete_button.setToolTip("Delete the preset that is chosen, if it is your own")
        self.description_label = WrappedLabel()
        self.message_label = PlainLabel()
        self.message_label.setWordWrap(True)
        self._arrange()
        self.box.activated.connect(self._chosen)
        self.save_button.clicked.connect(self.save_as)
        self.delete_button.clicked.connect(self.delete)
        session.setting_changed.connect(self.show_setting)
        self._notify("")
        self._list_names()
        self._recognise(session.setting)

    @property
    def name(self) -> str:
        """The preset that was chosen or saved last; empty before that."""
        return self._name

    def choose(self, name: str) -> None:
        """Apply a preset; if it cannot be read, say why and change nothing."""
        try:
            preset = self._published[name] if name in self._published else self._store.read(name)
        except (SettingError, OSError) as error:
            # One that is damaged can still be deleted.
            self._on_preset(name, None)
            self._show_name()
            self._notify(str(error))
            return
        self._notify("")
        self._on_preset(name, preset)
        self._session.apply(self._seen_from_here(preset))
        self._show_name()

    def save_as(self) -> None:
        """Ask for a name, and save the knobs as they stand under it."""
        suggested = self._name if self._name in self._own else ""
        name, confirmed = QInputDialog.getText(
            self, "Save preset", "Name of the preset", text=suggested
        )
        name = name.strip()
        if not confirmed or not name:
            return
        if name in self._published:
            self._notify(f"“{name}” is a published preset, which stays: choose another name.")
            return
        self._list_names()
        replace = name in self._own
        if replace and not confirm(self, "Replace the preset?", f"“{name}” exists already."):
            return
        setting = self._session.setting
        try:
            self._store.save(name, setting, replace=replace)
        except (SettingError, OSError) as error:
            self._notify(f"Not saved: {error}")
            return
        self._notify("")
        self._on_preset(name, setting)
        self._list_names()

    def delete(self) -> None:
        """Delete the preset that is chosen, if it is the user's own, after asking."""
        name = self._name
        if name not in self._own or not confirm(self, "Delete the preset?", f"“{name}”"):
            return
        try:
            self._store.delete(name)
        except (SettingError, OSError) as error:
            self._notify(f"Not deleted: {error}")
        else:
            self._notify("")
            self._on_preset("", None)
        self._list_names()

    def show_setting(self, setting: Setting) -> None:
        """Show whether the sliders still are where the preset has put them."""
        is_shown = self._preset is not None and _same_knobs(setting, self._preset)
        if is_shown != self._is_shown:
            self._show_name()

    def _chosen(self, index: int) -> None:
        self.choose(self.box.itemText(index))

    def _recognise(self, setting: Setting) -> None:
        """Show the name of a published preset that the sliders stand at to begin with."""
        for name, preset in self._published.items():
            if _same_knobs(setting, preset):
                self._on_preset(name, preset)
                self._show_name()
                return

    def _on_preset(self, name: str, preset: Setting | None) -> None:
        self._name, self._preset = name, preset

    def _seen_from_here(self, preset: Setting) -> Setting:
        """Return a preset with the block that is visible now, where it takes its quantile there."""
        if preset.domain is not Domain.BLOCK:
            return preset
        return preset.changed(block=self._session.view.extents)

    def _list_names(self) -> None:
        """List the published presets and the user's own, which may have changed."""
        try:
            self._own = self._store.names()
        except (SettingError, OSError) as error:
            self._own = ()
            self._notify(f"Your presets cannot be listed: {error}")
        self.box.clear()
        for name in self._published:
            self.box.addItem(name)
            self.box.setItemData(
                self.box.count() - 1, plain_tip(_about(name)), Qt.ItemDataRole.ToolTipRole
            )
        if self._own:
            self.box.insertSeparator(self.box.count())
        for name in self._own:
            self.box.addItem(name)
        self._show_name()

    def _show_name(self) -> None:
        """Show the name while it fits the sliders, else that they have moved since."""
        setting = self._session.setting
        self._is_shown = self._preset is not None and _same_knobs(setting, self._preset)
        state = "changed" if self._preset is not None else "cannot be read"
        self.box.setPlaceholderText(f"{self._name} ({state})" if self._name else NOTHING_CHOSEN)
        self.box.setCurrentIndex(self.box.findText(self._name) if self._is_shown else -1)
        description = preset_description(self._name) if self._is_shown else ""
        self.description_label.setText(description)
        self.description_label.setToolTip(plain_tip(_about(self._name) if description else ""))
        self.description_label.setVisible(bool(description))
        self.delete_button.setEnabled(self._name in self._own)

    def _notify(self, message: str) -> None:
        self.message_label.setText(message)
        self.message_label.setVisible(bool(message))

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.box, 1)
        row.addWidget(self.save_button)
        row.addWidget(self.delete_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.description_label)
        layout.addWidget(self.message_label)


def _same_knobs(first: Setting, second: Setting) -> bool:
    """Return whether two settings are equal wherever the canvas may look."""
    if first.domain is Domain.BLOCK and second.domain is Domain.BLOCK:
        return first.model_copy(update={"block": second.block}) == second
    return first == second


def _about(name: str) -> str:
    """Return all that is known of a published preset, a line each."""
    notes = [f"{title.capitalize()}: {text}" for title, text in preset_notes(name).items()]
    return "\n".join([preset_description(name), *notes])
