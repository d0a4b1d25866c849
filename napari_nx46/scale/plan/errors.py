"""What keeps a setting from being applied to a store."""

from __future__ import annotations

__all__ = ["ApplyError"]


class ApplyError(ValueError):
    """Something that the user can mend before, or between, runs; what was done is kept."""
