"""What is computed of a session in a worker once its sliders have settled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic

from psygnal import Signal

from napari_nx46.data.fragments import Fragment
from napari_nx46.live.derived.latest_known import LatestKnown, Request, Result, State
from napari_nx46.live.derived.resting import wait_for_rest
from napari_nx46.live.derived.scoring import REST_SECONDS, Label, ScoreFollower
from napari_nx46.live.session import Post, Session
from napari_nx46.voxels.workers import CancelCheck, Workers

__all__ = ["SettledFollower"]


class SettledFollower(ABC, Generic[Request, Result]):
    """Follows a session with results of the newest request, those that were found before at once.

    Parameters
    ----------
    session : Session
    scores : ScoreFollower, optional
        Gives the label of the fragment that is shown; without it there is none.
    post : callable
        Runs a function later in the thread that owns the session; called from the worker.
    changed : callable
        Called with the new state.
    most : int
        So many results are remembered.
    rest_seconds : float
        For how long the sliders must not have moved before the worker takes the cores.

    Attributes
    ----------
    failed : Signal(BaseException)
    """

    failed = Signal(BaseException)

    def __init__(
        self,
        session: Session,
        scores: ScoreFollower | None,
        post: Post,
        changed: Callable[[State[Result]], None],
        *,
        most: int,
        rest_seconds: float = REST_SECONDS,
    ) -> None:
        self.session = session
        self._scores = scores
        self._rest_seconds = rest_seconds
        self._workers = Workers(2)
        self._closed = False
        self._latest: LatestKnown[Request, Result] = LatestKnown(
            self._begin, post, changed, self.failed.emit, most=most
        )
        session.fragment_changed.connect(self._show_fragment)
        session.figures_changed.connect(self._follow)
        session.setting_changed.connect(self._follow)
        if scores is not None:
            scores.label_changed.connect(self._follow)

    @property
    def state(self) -> State[Result]:
        """The result, as it is known now."""
        return self._latest.state

    @property
    def stale(self) -> bool:
        """Whether the result is older than the sliders, or lacks the label."""
        return self._latest.state.stale

    @property
    def requests_begun(self) -> int:
        """How many results were begun so far, stale ones included."""
        return self._latest.begun

    def start(self) -> None:
        """Compute what is settled already, once the session has been started."""
        self._follow()

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until the worker rests; return False if that took too long.

        Its last result may still have to pass through `post`.
        """
        return self._latest.wait_until_idle(timeout)

    def close(self) -> None:
        """Tell nothing any more and end the threads; to be called before the session is closed."""
        self._closed = True
        self._latest.close()
        self._workers.close()

    @property
    def _label(self) -> Label | None:
        return None if self._scores is None else self._scores.label

    def _show_fragment(self, _fragment: Fragment) -> None:
        """Show nothing of the old fragment any more."""
        self._latest.forget()

    def _follow(self) -> None:
        if not self._closed:
            self._want()

    def _begin(self, request: Request, cancelled: CancelCheck) -> Result:
        wait_for_rest(self.session.wait_until_compiled, self._rest_seconds, cancelled)
        return self._compute(request, cancelled)

    @abstractmethod
    def _want(self) -> None:
        """Ask `_latest` for the result of what is settled, or mark the old one."""

    @abstractmethod
    def _compute(self, request: Request, cancelled: CancelCheck) -> Result:
        """Compute a result; runs in the worker."""
