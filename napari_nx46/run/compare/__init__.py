"""Comparing and scoring masks of archives, folders and settings."""
