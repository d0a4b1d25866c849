"""Measures of masks: slices, volumes, profiles and curves."""
