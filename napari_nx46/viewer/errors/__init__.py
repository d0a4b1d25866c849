"""The errors of the mask: their list, their marks on the canvas, and mends that are tried."""
