"""The errors of a mask, without a window."""
