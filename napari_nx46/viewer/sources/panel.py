"""Choosing which layers of the window are tuned."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from magicgui.widgets import ComboBox, LineEdit, PushButton, Select, create_widget
from napari.layers import Image, Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QVBoxLayout, QWidget

from napari_nx46.data.fragments import plain_name
from napari_nx46.files.volumes.reading import ReadAs
from napari_nx46.viewer.messages.plain_text import PlainLabel, plain_tip
from napari_nx46.viewer.sources.channel_axis import ChannelAxis
from napari_nx46.viewer.sources.choice import LayerChoice, can_be_chosen
from napari_nx46.viewer.tune.knob_panel import Section

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

Field = TypeVar("Field", ComboBox, Select)

TITLE = "Layers"
FIELDS: dict[str, tuple[Any, str, str]] = {
    "p3d": (Image, "3D path", "Probability of surface, of the 3D path, or the only one"),
    "p2d": (Image, "2D path", "Probability of surface, of the 2D path, if there is one"),
    "image": (Image, "CT image", "Density of the CT, if there is any"),
    "label": (
        Image | Labels,
        "Label",
        "0 background, 1 surface, 2 ignore: a Labels or Image layer, to score the mask with",
    ),
}
MODELS_TIP = "Further probability volumes, to weigh under More (Ctrl+click for several)"
AGAIN_TIP = "Read the tuned layers again, after an array was changed in place"
NAME_TIP = "The image_id: what the fragment is called in exports"
MOST_MODEL_ROWS = 4
FEWEST_WITH_MODELS = 2
"""Of image layers: those are the two paths."""


class LayerPanel(QWidget):
    """Chooses layers of the window as the volumes of a fragment; it follows the layer list.

    Parameters
    ----------
    viewer : napari viewer
    parent : QWidget, optional

    Attributes
    ----------
    boxes : dict of str to ComboBox
        By what they choose: ``p3d``, ``p2d``, ``image``, ``label``.
    models : Select
    channel_axis : ChannelAxis
        Seen where a layer has more axes than z, y and x.
    name : LineEdit
    button : PushButton
    again_button : PushButton
        Seen while layers are tuned.
    chosen : Signal(object)
        Carries the `LayerChoice` that is to be tuned.
    read_again_wanted : Signal()
        What is tuned is to be read again.
    """

    chosen = Signal(object)
    read_again_wanted = Signal()

    def __init__(self, viewer: napari.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.boxes = {
            name: _field(ComboBox, annotation | None, name, label, tip, self._offered(annotation))
            for name, (annotation, label, tip) in FIELDS.items()
        }
        self.models = _field(
            Select, list[Image], "models", "Models", MODELS_TIP, self._offered(Image)
        )
        self.channel_axis = ChannelAxis()
        self.name = LineEdit(name="image_id", label="Name", tooltip=plain_tip(NAME_TIP))
        self.button = PushButton(
            text="Tune these layers", tooltip="Make a mask of these layers that follows the sliders"
        )
        self.again_button = PushButton(text="Read again", tooltip=plain_tip(AGAIN_TIP))
        self.section = Section(TITLE, "")
        self.section.add(self._form())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.section)
        self.boxes["p3d"].changed.connect(self._name_after)
        for box in (self.boxes["p3d"], self.boxes["p2d"], self.models):
            box.changed.connect(self._offer_axes)
        self.button.changed.connect(lambda: self.chosen.emit(self.choice))
        self.again_button.native.clicked.connect(self.read_again_wanted)
        self._named = ""
        self.reset_choices()

    @property
    def choice(self) -> LayerChoice:
        """The layers that are chosen now."""
        chosen = {name: box.value for name, box in self.boxes.items()}
        taken = [layer for layer in chosen.values() if layer is not None]
        models = {
            plain_name(layer.name): layer for layer in self.models.value if layer not in taken
        }
        return LayerChoice(
            **chosen,
            models=models,
            image_id=plain_name(self.name.value, ""),
            read_as=ReadAs(channel_axis=self.channel_axis.chosen),
        )

    def show_choice(self, choice: LayerChoice) -> None:
        """Show which layers are tuned, or proposed."""
        self.reset_choices()
        for name, box in self.boxes.items():
            box.value = getattr(choice, name)
        self.models.value = list(choice.models.values())
        self._offer_axes(chosen=choice.read_as.channel_axis)
        self._named = self.name.value = choice.name if choice.layers else ""

    def reset_choices(self, event: Any = None) -> None:
        """Offer the layers that there are now, under the names that they have now."""
        for box in (*self.boxes.values(), self.models):
            box.reset_choices()
        offered = len(self.models.choices)
        self.setVisible(bool(self._offered(Image | Labels)(None)))
        self._rows.setRowVisible(self.models.native, offered > FEWEST_WITH_MODELS)
        rows = min(max(offered, 1), MOST_MODEL_ROWS)
        height = self.models.native.fontMetrics().lineSpacing() + 4
        self.models.native.setFixedHeight(rows * height + 6)
        self._offer_axes()

    def _form(self) -> QWidget:
        form = QWidget()
        self._rows = QFormLayout(form)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for field in (*self.boxes.values(), self.models, self.channel_axis.box, self.name):
            label = PlainLabel(field.label)
            label.setBuddy(field.native)
            field.native.setAccessibleName(field.label)
            self._rows.addRow(label, field.native)
        buttons = QHBoxLayout()
        buttons.addWidget(self.button.native, 1)
        buttons.addWidget(self.again_button.native)
        self.again_button.visible = False
        self._rows.addRow(buttons)
        return form

    def _offer_axes(self, event: Any = None, chosen: int | str | None = None) -> None:
        """Offer the axes of the probability layers that are chosen now."""
        layers = [self.boxes["p3d"].value, self.boxes["p2d"].value, *self.models.value]
        offered = self.channel_axis.offer([one for one in layers if one is not None], chosen)
        self._rows.setRowVisible(self.channel_axis.box.native, offered)

    def _offered(self, annotation: Any) -> Callable[[Any], list[Layer]]:
        """Return a function that lists the layers of a kind, without this plugin's own masks."""

        def offered(widget: Any = None) -> list[Layer]:
            layers = self._viewer.layers
            return [one for one in layers if isinstance(one, annotation) and can_be_chosen(one)]

        return offered

    def _name_after(self, layer: Layer | None) -> None:
        """Propose a name after the layer, unless somebody has typed another one."""
        if layer is not None and self.name.value in ("", self._named):
            self._named = self.name.value = plain_name(layer.name)


def _field(
    kind: type[Field],
    annotation: Any,
    name: str,
    label: str,
    tip: str,
    offered: Callable[[Any], list[Layer]],
) -> Field:
    """Return magicgui's widget for an annotation, which offers some of the layers of its kind."""
    field = create_widget(
        annotation=annotation,
        name=name,
        label=label,
        widget_type=kind.__name__,
        options={"choices": offered, "tooltip": plain_tip(tip)},
    )
    if not isinstance(field, kind):
        raise TypeError(f"expected a {kind.__name__}, got {field!r}")
    return field
