"""The exception of an abandoned computation."""

from __future__ import annotations

__all__ = ["Cancelled"]


class Cancelled(Exception):
    """The caller asked to stop before the leaderboard score was complete.

    Raised between octants and between the parts of the score, never with a partial result.
    """
