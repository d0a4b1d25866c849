"""Submission archives and mask files: written, read and validated."""
