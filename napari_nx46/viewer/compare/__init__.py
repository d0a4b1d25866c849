"""Comparing settings and foreign masks in the window."""
