"""Correcting masks by hand: the layer that is painted on, clicks on components, and controls."""
