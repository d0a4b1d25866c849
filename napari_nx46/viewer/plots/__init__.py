"""Plots of the mask that is tuned, and of its score."""
