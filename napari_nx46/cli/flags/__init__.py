"""Flags that commands share, and the values they give."""
