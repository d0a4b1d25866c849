"""Checks of what the functions on masks are called with."""

from __future__ import annotations

__all__ = ["require_at_least_zero"]


def require_at_least_zero(**knobs: float) -> None:
    """Check that knobs are not negative.

    Raises
    ------
    ValueError
        Names the knob that is, and its value.
    """
    for name, value in knobs.items():
        if value < 0:
            raise ValueError(f"{name}: expected at least 0, found {value}")
