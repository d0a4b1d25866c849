"""The dock of errors in a window."""
