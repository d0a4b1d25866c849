"""What every value that follows a session has in common."""

from __future__ import annotations

from napari_nx46.live.derived.graph import Key, Result, Value
from napari_nx46.live.session import Session

__all__ = ["REST_SECONDS", "SessionValue"]

REST_SECONDS = 0.15
"""The sliders rest when they have not moved for so long."""


class SessionValue(Value[Key, Result]):
    """A value of the session's graph, computed once the kernels are compiled.

    Parameters
    ----------
    session : Session
    keep : int
        So many results are remembered.
    rest_seconds : float
        For how long the sliders must not have moved before a worker takes the cores.
    priority : int
        Of values that wait, the one with the lowest number is computed first.
    """

    def __init__(
        self,
        session: Session,
        *,
        keep: int = 1,
        rest_seconds: float = REST_SECONDS,
        priority: int = 0,
    ) -> None:
        super().__init__(keep=keep, rest_seconds=rest_seconds, priority=priority)
        self.session = session
        session.graph.add(self)

    def is_ready(self) -> bool:
        """Return whether the kernels of masks and clean-up are compiled."""
        return self.session.warm_up.wait(0)

    def close(self) -> None:
        """Follow the session no longer."""
        self.session.graph.remove(self)
