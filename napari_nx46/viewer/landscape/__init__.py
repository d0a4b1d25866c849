"""The score over one or two knobs, drawn; a click on a point sets the sliders."""
