"""Ordinary layers of errors, which stay, and can be saved by napari."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels, Points
from napari.utils.colormaps import DirectLabelColormap

from napari_nx46.live.errors.arranged import Arranged
from napari_nx46.live.errors.picture import ItemClass, ItemPicture, lazy_picture
from napari_nx46.viewer.canvas.overlay_layer import rgba
from napari_nx46.viewer.errors.looks import ITEM_COLORS
from napari_nx46.viewer.errors.mark_shapes import colors_of, symbols_of

if TYPE_CHECKING:
    import napari

    from napari_nx46.viewer.sources.placing import Placing

__all__ = ["MOST_POINTS", "make_layers"]

MOST_POINTS = 20_000
"""The costliest errors: napari is slow with more points."""


def make_layers(
    viewer: napari.Viewer, arranged: Arranged, picture: ItemPicture | None, placing: Placing
) -> list[str]:
    """Add a points layer of the errors that are listed, and a labels layer of the selected one.

    Parameters
    ----------
    viewer : napari.Viewer
    arranged : Arranged
    picture : ItemPicture, optional
        Of the selected error.
    placing : Placing
        Says where the fragment lies.

    Returns
    -------
    list of str
        Names of the layers.
    """
    layers = [_points(arranged)]
    if picture is not None:
        layers.append(_labels(picture))
    for layer in layers:
        viewer.add_layer(placing.place(layer))
    return [str(layer.name) for layer in layers]


def _points(arranged: Arranged) -> Points:
    listing = arranged.listing
    rows = np.sort(arranged.order)[:MOST_POINTS]
    table = listing.table.selected(rows)
    return Points(
        table.place.astype(float),
        ndim=3,
        name="errors listed",
        size=6,
        symbol=symbols_of(listing, rows) if rows.size else "disc",
        face_color=colors_of(listing, rows) if rows.size else "white",
        features={
            "number": rows + 1,
            "kind": [listing.kinds[code] for code in table.kind],
            "side": [listing.sides[code] for code in table.side],
            "size": table.size,
            "share": table.share,
            "gain": table.gain,
        },
    )


def _labels(picture: ItemPicture) -> Labels:
    colors: dict[int | None, tuple[float, ...]] = {None: (0.0,) * 4, 0: (0.0,) * 4}
    colors |= {int(kind): rgba(color, 1.0) for kind, color in ITEM_COLORS.items()}
    return Labels(
        np.asarray(lazy_picture(picture)),
        name="error voxels",
        colormap=DirectLabelColormap(color_dict=colors),
        features={"class": [kind.name.lower() for kind in ItemClass]},
    )
