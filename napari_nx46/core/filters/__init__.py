"""Filters of volumes that scores and masks share."""
