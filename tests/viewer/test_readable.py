"""Whatever the theme: every text of every dock can be read, and it is seen where the focus is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.utils.colormaps import AVAILABLE_COLORMAPS
from qtpy.QtWidgets import QApplication

from napari_nx46.run.okabe_ito import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION
from napari_nx46.viewer.canvas.overlay import DEFAULT_OPACITY, outline_color
from napari_nx46.viewer.plots.colors import Role, plot_colors
from napari_nx46.viewer.plugin.preferences import DEFAULT_MASK_COLOR
from napari_nx46.viewer.widgets.contrast import BLACK, WHITE, contrast
from napari_nx46.viewer.window.docks import DOCKS, open_dock
from tests.viewer.readable import focus_contrast, focusable, painted, readings

THEMES = ("dark", "light")
LEAST_OF_CONTROLS = 3.0
PAINTED = ("QTabBar", "QMenu", "QListWidget")
COLORS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(BLACK, WHITE, 21.0), ("#777777", WHITE, 4.48), ("#ff0000", WHITE, 4.0), ("#123", "#123", 1)],
)
def test_contrasts_are_those_that_wcag_gives(first, second, expected):
    if len(first) == 4:
        first = second = "#112233"
    assert contrast(first, second) == pytest.approx(expected, abs=0.005)


@given(COLORS, COLORS)
def test_contrast_has_no_order(first, second):
    assert 1 <= contrast(first, second) == contrast(second, first) <= 21


def test_every_text_of_every_dock_is_read_in_both_themes(shown):
    docks = [shown.dock, *(open_dock(shown.viewer, entry) for entry in DOCKS)]
    shown.viewer.window._qt_window.resize(1500, 980)
    shown.viewer_session.pin("A")
    shown.session.change(quantile=0.8)
    shown.viewer_session.compare.difference.show(True)
    faint, seen, kinds = [], set(), set()
    for theme in THEMES:
        shown.viewer.theme = theme
        for dock in docks:
            frame = dock.parentWidget()
            frame.show()
            frame.raise_()
            QApplication.processEvents()
            found = [*readings(dock), *painted(dock)]
            kinds |= {kind for kind in PAINTED for one in found if f"{kind}: " in one.where}
            seen |= {(theme, type(dock).__name__) for _ in found}
            faint += [f"{theme}: {one.ratio:.2f} {one}" for one in found if not one.passes]
    assert len(seen) == len(THEMES) * len(docks)
    assert not faint
    assert kinds == set(PAINTED)


@pytest.mark.parametrize("theme", THEMES)
def test_texts_and_lines_of_plots_stand_out(theme):
    colors = plot_colors(theme)
    assert contrast(colors.by_role[Role.TEXT], colors.background) >= 4.5
    for role in (Role.FIRST, Role.SECOND, Role.THIRD):
        assert contrast(colors.by_role[role], colors.background) >= LEAST_OF_CONTROLS


@pytest.mark.parametrize("theme", THEMES)
def test_the_empty_docks_are_read_and_say_the_next_step(make_napari_viewer, qtbot, theme):
    viewer = make_napari_viewer(show=True)
    viewer.theme = theme
    for entry in DOCKS:
        dock = open_dock(viewer, entry)
        qtbot.waitUntil(lambda dock=dock: bool(readings(dock)), timeout=20_000)
        found = readings(dock)
        assert not [one for one in found if not one.passes]
        if entry.name == "Scroll":
            assert entry.help in " ".join(one.text for one in found)
        elif entry.name != "Keys":
            words = " ".join(one.text for one in found)
            assert entry.help in words
            assert "open data in the dock that tunes masks" in words
            dock.open_button.click()
            assert not dock._tune.open_folder_button.visibleRegion().isEmpty()


@pytest.mark.parametrize("theme", THEMES)
def test_it_is_seen_where_the_focus_is(shown, theme):
    shown.viewer.theme = theme
    window = shown.viewer.window._qt_window
    window.resize(1500, 980)

    def settle(condition, act):
        window.activateWindow()
        act()
        shown.wait_until(condition)

    unseen, kinds = [], set()
    for dock in [shown.dock, *(open_dock(shown.viewer, entry) for entry in DOCKS)]:
        frame = dock.parentWidget()
        frame.show()
        frame.raise_()
        QApplication.processEvents()
        for widget in focusable(dock):
            ratio = focus_contrast(widget, settle)
            kinds.add(type(widget).__name__)
            if ratio < LEAST_OF_CONTROLS:
                name = f"{type(widget).__name__} {widget.accessibleName() or widget.toolTip()}"
                unseen.append(f"{type(dock).__name__}: {name} {ratio:.2f}")
    assert {"QPushButton", "QComboBox", "QCheckBox", "QSlider"} <= kinds
    assert unseen == []


@pytest.mark.parametrize("color", [DEFAULT_MASK_COLOR, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION])
def test_the_outline_stands_out_from_the_mask_on_every_colormap(color):
    line = outline_color(color)
    for colormap in AVAILABLE_COLORMAPS.values():
        for red, green, blue, _ in colormap.map([step / 32 for step in range(33)]):
            below = "#{:02x}{:02x}{:02x}".format(*(round(255 * c) for c in (red, green, blue)))
            mask, edge = over(color, below), over(line, below)
            assert contrast(mask, edge) > 2


def over(color, below, share=DEFAULT_OPACITY):
    """Return a colour as the canvas mixes it with what is below it."""
    above, ground = (bytes.fromhex(one[1:]) for one in (color, below))
    mixed = (round(share * a + (1 - share) * b) for a, b in zip(above, ground, strict=True))
    return "#" + bytes(mixed).hex()
