"""The Compare dock of a window, and what tests do with it."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_nx46.viewer.compare.dock import CompareDock
from napari_nx46.viewer.window.docks import open_dock_of


class Comparing:
    """An opened window with the Compare dock."""

    def __init__(self, opened):
        self.opened = opened
        self.dock = open_dock_of(opened.viewer, CompareDock)

    @property
    def panel(self):
        return self.dock.compare_panel

    @property
    def pins(self):
        return self.opened.viewer_session.pins

    @property
    def flip(self):
        return self.opened.viewer_session.compare.flip

    def press(self, key, modifier=Qt.KeyboardModifier.NoModifier):
        """Press a key on the canvas."""
        QTest.keyClick(self.opened.viewer.window._qt_viewer.canvas.native, key, modifier)

    def pin(self, letter):
        """Click on the button that pins the sliders' setting, and wait for its mask."""
        self.opened.click(self.panel.pin_panel.pin_buttons[letter])
        self.wait_for_masks(letter)

    def wait_for_masks(self, *letters):
        image_id = self.opened.session.fragment.image_id
        self.opened.wait_until(
            lambda: all(self.pins.has_mask(letter, image_id) for letter in letters)
        )

    def pin_quantiles(self, **quantiles):
        """Move the quantile and pin it, letter by letter."""
        for letter, quantile in quantiles.items():
            self.opened.session.change(quantile=quantile)
            self.opened.wait_until_exact()
            self.pin(letter)
