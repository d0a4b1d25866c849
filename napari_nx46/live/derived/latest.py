"""A worker thread that only ever works on the newest request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from napari_nx46.voxels.workers import CancelCheck, Cancelled

Request = TypeVar("Request")
Result = TypeVar("Result")


class LatestWins(Generic[Request, Result]):
    """Computes requests one at a time in a thread of its own; a new one makes older ones stale.

    There is no queue: a request that waits is replaced, one that is being computed is told through
    its `cancelled` argument. So after a burst at most one stale request is still being computed.

    Parameters
    ----------
    compute : callable
        Called in the worker thread with the request and a function that tells whether it has
        become stale; may raise `Cancelled`.
    deliver : callable
        Called with each result that was not stale when it was done, as a rule in the worker
        thread.
    fail : callable
        Called likewise with the error that `compute` raised, unless it was stale.

    Attributes
    ----------
    begun : int
        How many requests it began to compute so far.
    """

    def __init__(
        self,
        compute: Callable[[Request, CancelCheck], Result],
        deliver: Callable[[Result], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._compute = compute
        self._deliver = deliver
        self._fail = fail
        self._idle = threading.Condition()
        self._busy = False
        self._newest = 0
        self._waiting: tuple[Request, int] | None = None
        self._closed = False
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="nx46-latest")
        self.begun = 0

    def submit(self, request: Request) -> None:
        """Compute a request in place of all earlier ones; do nothing once it was closed."""
        with self._idle:
            if self._closed:
                return
            self._newest += 1
            self._waiting = (request, self._newest)
            if self._busy:
                return
            self._busy = True
        self._begin_waiting()

    def cancel(self) -> None:
        """Make all requests stale."""
        with self._idle:
            self._newest += 1
            self._waiting = None

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until everything is delivered or dropped; return False if that took too long."""
        with self._idle:
            return self._idle.wait_for(lambda: not self._busy, timeout)

    def close(self, *, wait: bool = True, then: Callable[[], object] | None = None) -> None:
        """Make everything stale and end the thread.

        Parameters
        ----------
        wait : bool
            Return only when the thread has ended. Otherwise it ends by itself, as soon as what it
            computes notices that it is stale.
        then : callable, optional
            Called in the thread at its end, when nothing is computed any more.
        """
        with self._idle:
            closed, self._closed = self._closed, True
        self.cancel()
        if then is not None and not closed:
            self._executor.submit(then)
        self._executor.shutdown(wait=wait)

    def _begin_waiting(self) -> None:
        """Hand the request that waits to the thread, or rest if there is none."""
        with self._idle:
            if self._waiting is None or self._closed:
                self._busy = False
                self._idle.notify_all()
                return
            request, number = self._waiting
            self._waiting = None
            future = self._executor.submit(self._begin, request, number)
        future.add_done_callback(lambda future: self._finish(future, number))

    def _begin(self, request: Request, number: int) -> Result:
        if number != self._newest:
            raise Cancelled
        self.begun += 1
        return self._compute(request, lambda: number != self._newest)

    def _finish(self, future: Future[Result], number: int) -> None:
        try:
            if not future.cancelled() and number == self._newest:
                self._tell(future)
        finally:
            self._begin_waiting()

    def _tell(self, future: Future[Result]) -> None:
        error = future.exception()
        if error is None:
            self._deliver(future.result())
        elif not isinstance(error, Cancelled):
            self._fail(error)
