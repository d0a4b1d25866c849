"""All knobs of the setting, in groups that open and close."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from qtpy.QtCore import QMargins, Qt
from qtpy.QtGui import QIcon, QPixmap
from qtpy.QtWidgets import QAbstractButton, QLineEdit, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_nx46.data.fragments import Fragment
from napari_nx46.live.session import Session
from napari_nx46.setting import (
    CLEAN_UP_GROUPS,
    GROUPS,
    Group,
    Setting,
    SettingError,
    described_knobs,
    knob_applies,
)
from napari_nx46.viewer.messages.plain_text import plain_tip
from napari_nx46.viewer.tune.knobs import (
    Choice,
    Knob,
    Switch,
    new_control,
)
from napari_nx46.viewer.tune.volumes_panel import SPACING, VOLUMES_KNOBS, VolumesPanel
from napari_nx46.viewer.widgets.dock_style import TITLE_NAME

OPEN_AT_FIRST = frozenset({Group.SCORE, Group.THRESHOLD})
COUNT_TEXTS: Mapping[Group, str] = dict.fromkeys(CLEAN_UP_GROUPS, "on")
"""What the knobs are that differ from their defaults; in all other groups they are changed."""

INDENT = 12
UNBOUNDED = (1 << 24) - 1
"""Qt's QWIDGETSIZE_MAX."""

ONE_PATH = (
    "There is one path only, 3D or 2D, and nothing to blend it with. Open a 3D and a 2D volume of"
    " the fragment together to blend them."
)


class Section(QCollapsible):
    """Controls under a title that shows and hides them.

    Parameters
    ----------
    title : str
    counted : str
        What those controls are that the title of a closed section counts.
    """

    def __init__(self, title: str, counted: str, parent: QWidget | None = None) -> None:
        # Under PySide6 a null icon is false, which QCollapsible takes for no icon at all.
        blank = blank_icon()
        super().__init__(title, parent, blank, blank)
        self._title = title
        self._counted = counted
        self._count = 0
        self.toggleButton().setObjectName(TITLE_NAME)
        self.toggleButton().setStyleSheet("")  # one of its own would hide the focus
        self.toggleButton().setAccessibleName(title)
        self.layout().setContentsMargins(QMargins())
        self.layout().setSpacing(2)
        content = self.content().layout()
        content.setContentsMargins(INDENT, 0, 0, 4)
        content.setSpacing(SPACING)
        self.collapse()

    def add(self, widget: QWidget) -> None:
        """Add a control at the end."""
        self.content().layout().addWidget(widget)

    def set_count(self, count: int) -> None:
        """Describe how many controls the title is to speak while it hides them."""
        if count != self._count:
            self._count = count
            self._show_title()

    def expand(self, animate: bool = False) -> None:
        """Show the controls, at once: nothing is to move beside a live canvas."""
        super().expand(animate=False)
        self._show_content(True)

    def collapse(self, animate: bool = False) -> None:
        """Hide the controls, at once."""
        super().collapse(animate=False)
        self._show_content(False)

    def _show_content(self, shown: bool) -> None:
        # Controls come and go while the section is open, and hidden ones take no keyboard.
        self.content().setMaximumHeight(UNBOUNDED)
        self.content().setVisible(shown)
        # The arrows are part of the text: icons would keep the colours of the theme at first.
        self.toggleButton().setIcon(QIcon())
        self._show_title()

    def _show_title(self) -> None:
        is_open = self.isExpanded()
        count = f" · {self._count} {self._counted}" if self._count and not is_open else ""
        text = f"{'▾' if is_open else '▸'} {self._title}{count}"
        if text != self.text():
            self.setText(text)


def blank_icon() -> QIcon:
    """Return an icon that shows nothing and is not null."""
    pixmap = QPixmap(1, 1)
    pixmap.fill(Qt.GlobalColor.transparent)
    return QIcon(pixmap)


Control = Knob | Choice | Switch | VolumesPanel


class KnobPanel(QWidget):
    """The knobs of a session's setting.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    controls : dict of str to control
        By the names of the setting's fields.
    knobs : dict of str to Knob
        Those of the controls that are numbers.
    sections : dict of Group to Section
    more : Section
        The knobs of the score that most users leave alone.
    search : QLineEdit
        Leaves the knobs in sight that have all of its words in title, help or name.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._shown: Setting | None = None
        self._offered: dict[str, bool] = {}
        self._found: frozenset[str] | None = None
        self._open_before: list[Section] = []
        self._defaults = Setting()
        self.volumes_panels = {name: VolumesPanel(name) for name in VOLUMES_KNOBS}
        self.controls: dict[str, Control] = {
            name: self.volumes_panels.get(name) or new_control(name)
            for name in described_knobs(Setting)
        }
        self.knobs = {
            name: control for name, control in self.controls.items() if isinstance(control, Knob)
        }
        self.sections = {
            group: Section(group.value, COUNT_TEXTS.get(group, "changed")) for group in GROUPS
        }
        self.more = Section("More", "changed")
        self.search = _search_field()
        self.search.textChanged.connect(self._search)
        self._members = self._arrange()
        for control in self.controls.values():
            control.moved.connect(self._moved)
        for group in OPEN_AT_FIRST:
            self.sections[group].expand()
        session.setting_changed.connect(self.show_setting)
        session.fragment_changed.connect(self.show_fragment)
        self.show_fragment(session.fragment)

    def choice(self, name: str) -> Choice:
        """Return the control of a field that is one of several values.

        Raises
        ------
        KeyError
            If there is none.
        """
        control = self.controls[name]
        if not isinstance(control, Choice):
            raise KeyError(f"{name} is no choice")
        return control

    def show_setting(self, setting: Setting) -> None:
        """Show a setting; only the controls whose value is another one are touched."""
        before, self._shown = self._shown, setting
        changed = [
            name
            for name in self.controls
            if before is None or getattr(before, name) != getattr(setting, name)
        ]
        for name in changed:
            self._show_value(name, setting)
        if changed:
            self._show_fitting(setting)

    def show_fragment(self, fragment: Fragment) -> None:
        """Show the weights of the volumes of another fragment."""
        for panel in self.volumes_panels.values():
            panel.show_volumes(fragment.sources)
        if not fragment.sources:
            # There the score is chosen that can be made from the CT alone.
            self.sections[Group.SCORE].expand()
            self.more.expand()
        self.knobs["blend"].show_why_disabled(ONE_PATH if fragment.p3d is fragment.p2d else "")
        self._set_focus_order()
        self.show_setting(self._session.setting)
        self._show_fitting(self._session.setting)

    def _moved(self, name: str, value: object) -> None:
        try:
            self._session.change(**{name: value})
        except SettingError as error:
            self._show_value(name, self._session.setting)
            self._session.failed.emit(error)

    def _show_value(self, name: str, setting: Setting) -> None:
        value: Any = getattr(setting, name)
        self.controls[name].set_value(value)

    def _show_fitting(self, setting: Setting) -> None:
        """Hide the knobs that can change nothing, and count the others in the titles."""
        fitting = {name: self._fits(name, setting) for name in self.controls}
        offered = {name: fits and self._is_found(name) for name, fits in fitting.items()}
        for name, is_offered in offered.items():
            if self._offered.get(name) != is_offered:
                self.controls[name].setVisible(is_offered)
        for section, names in self._members:
            if offered != self._offered:
                section.setVisible(any(offered[name] for name in names))
            section.set_count(sum(fitting[name] and self._differs(name, setting) for name in names))
        self._offered = offered

    def _is_found(self, name: str) -> bool:
        return self._found is None or name in self._found

    def _search(self, text: str) -> None:
        """Leave the knobs in sight that are looked for, and open their groups meanwhile."""
        was_searching, setting = self._found is not None, self._session.setting
        self._found = self._matches(text.casefold().split(), setting)
        sections = [section for section, _ in self._members]
        if not was_searching:
            self._open_before = [section for section in sections if section.isExpanded()]
        self._show_fitting(setting)
        for section in sections:
            is_open = self._found is not None or section in self._open_before
            if is_open is not section.isExpanded():
                (section.expand if is_open else section.collapse)()

    def _matches(self, words: list[str], setting: Setting) -> frozenset[str] | None:
        """Return the knobs whose texts have all of these words; None where there is no word.

        In place of a knob that can change nothing now stand those of its group that can: one of
        them brings it into sight.
        """
        if not words:
            return None
        matches: set[str] = set()
        for name, knob in described_knobs(Setting).items():
            texts = (
                f"{knob.group.value} {knob.title} {knob.help} {name.replace('_', ' ')}".casefold()
            )
            if all(word in texts for word in words):
                is_hidden = not self._fits(name, setting)
                matches |= {name} if not is_hidden else set(_group_of(name))
        return frozenset(matches)

    def _fits(self, name: str, setting: Setting) -> bool:
        if not knob_applies(name, setting):
            return False
        fragment = self._session.fragment
        match name:
            case "weights":  # two paths have the blend
                return bool(fragment.models or setting.weights)
            case "temperatures":
                return len(fragment.sources) > 1 or bool(setting.temperatures)
            case _:
                return True

    def _differs(self, name: str, setting: Setting) -> bool:
        return bool(getattr(setting, name) != getattr(self._defaults, name))

    # ---- layout ----------------------------------------------------------------------------

    def _arrange(self) -> list[tuple[Section, list[str]]]:
        """Lay the controls out; return each section with the names of the controls in it."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.search)
        members = []
        for group, section in self.sections.items():
            names = _names(group, advanced=False)
            for name in names:
                section.add(self.controls[name])
            members.append((section, names))
            layout.addWidget(section)
        advanced = _names(Group.SCORE, advanced=True)
        for name in advanced:
            self.more.add(self.controls[name])
        self.sections[Group.SCORE].add(self.more)
        # The title of the whole group speaks of these, too.
        members[GROUPS.index(Group.SCORE)][1].extend(advanced)
        return [*members, (self.more, advanced)]

    def _set_focus_order(self) -> None:
        """Let the keyboard go from top to bottom, however the widgets were made."""
        order: list[QWidget] = [self.search]
        for group, section in self.sections.items():
            order.append(section.toggleButton())
            order += self._focus_order(_names(group, advanced=False))
            if group is Group.SCORE:
                order.append(self.more.toggleButton())
                order += self._focus_order(_names(group, advanced=True))
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)

    def _focus_order(self, names: Iterable[str]) -> list[QWidget]:
        return [widget for name in names for widget in self.controls[name].focus_order()]


def _search_field() -> QLineEdit:
    """Return a line to type words into that knobs are looked for by."""
    field = QLineEdit()
    field.setPlaceholderText("Find a knob…")
    field.setClearButtonEnabled(True)
    field.setAccessibleName("Find a knob")
    for button in field.findChildren(QAbstractButton):
        button.setAccessibleName("Clear")
    tip = "Shows the knobs whose title, help or name have these words."
    field.setToolTip(plain_tip(tip))
    field.setAccessibleDescription(tip)
    return field


def _group_of(name: str) -> list[str]:
    """Return the knobs of a knob's group."""
    knobs = described_knobs(Setting)
    return [other for other, knob in knobs.items() if knob.group is knobs[name].group]


def _names(group: Group, *, advanced: bool) -> list[str]:
    """Return the knobs of a group that are advanced, or those that are not."""
    return [
        name
        for name, knob in described_knobs(Setting).items()
        if knob.group is group and (knob.advanced and group is Group.SCORE) is advanced
    ]
