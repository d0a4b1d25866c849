"""The newest result of a worker for what is wanted now, and those that were found before."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from napari_nx46.live.derived.latest import LatestWins
from napari_nx46.live.session import Post
from napari_nx46.voxels.workers import CancelCheck

__all__ = ["LatestKnown", "State"]


class _Keyed(Protocol):
    @property
    def of(self) -> Hashable:
        """What it belongs to: where these are equal, so are the results."""
        ...


Request = TypeVar("Request", bound=_Keyed)
Result = TypeVar("Result", bound=_Keyed)


@dataclass(frozen=True)
class State(Generic[Result]):
    """A result as it is known now.

    Parameters
    ----------
    result : Result, optional
        The newest one of the fragment.
    stale : bool
        Whether it is not the one that is wanted.
    busy : bool
        Whether that one is being computed.
    """

    result: Result | None = None
    stale: bool = False
    busy: bool = False


class LatestKnown(Generic[Request, Result]):
    """Computes the newest request in a worker, unless its result is known already.

    Requests and results have the key that they belong to in `of`. The methods and callbacks run in
    the owner's thread.

    Parameters
    ----------
    compute : callable
        As for `LatestWins`; called in the worker.
    post : callable
        Runs a function later in the owner's thread; called from the worker.
    changed : callable
        Called with the new state.
    failed : callable
        Called with what went wrong in the worker.
    most : int
        So many results are remembered.

    Attributes
    ----------
    state : State
    """

    def __init__(
        self,
        compute: Callable[[Request, CancelCheck], Result],
        post: Post,
        changed: Callable[[State[Result]], None],
        failed: Callable[[BaseException], None],
        *,
        most: int,
    ) -> None:
        self.state: State[Result] = State()
        self._compute = compute
        self._post = post
        self._changed = changed
        self._failed = failed
        self._most = most
        self._wanted: Hashable = None
        self._begun: Hashable = None
        self._known: dict[Hashable, Result] = {}
        self._closed = False
        self._worker = LatestWins(
            self._begin, lambda result: post(lambda: self._take(result)), self._post_failure
        )

    @property
    def begun(self) -> int:
        """How many requests the worker began so far, stale ones included."""
        return self._worker.begun

    def serves(self, of: Hashable) -> bool:
        """Return whether nothing need be asked for: a result that is known is shown, or is coming.

        Parameters
        ----------
        of : hashable
            What the result that is wanted now belongs to.
        """
        if of == self._wanted or self._closed:
            return True
        known = self._known.get(of)
        if known is None:
            return False
        self._wanted = of
        self._worker.cancel()
        self._remember(known)
        self._publish(State(known))
        return True

    def want(self, request: Request) -> None:
        """Ask for a result in place of what was asked for before."""
        if self.serves(request.of):
            return
        self._wanted = request.of
        self._worker.submit(request)
        self._publish(State(self.state.result, self.state.result is not None, busy=True))

    def outdate(self) -> None:
        """Note that what is wanted now cannot be asked for yet: the result is not its."""
        self._wanted = None
        self._worker.cancel()
        self._publish(replace(self.state, stale=self.state.result is not None, busy=False))

    def forget(self) -> None:
        """Show no result any more."""
        self._wanted = None
        self._worker.cancel()
        self._publish(State())

    def wait_until_idle(self, timeout: float | None = None) -> bool:
        """Wait until the worker rests; return False if that took too long.

        Its last result may still have to pass through `post`.
        """
        return self._worker.wait_until_idle(timeout)

    def close(self) -> None:
        """Tell nothing any more and end the thread."""
        if not self._closed:
            self._closed = True
            self._worker.close(wait=False)

    def _begin(self, request: Request, cancelled: CancelCheck) -> Result:
        self._begun = request.of
        return self._compute(request, cancelled)

    def _post_failure(self, error: BaseException) -> None:
        begun = self._begun
        self._post(lambda: self._give_up(begun, error))

    def _take(self, result: Result) -> None:
        if self._closed:
            return
        self._remember(result)
        if result.of == self._wanted:
            self._publish(State(result))

    def _give_up(self, begun: Hashable, error: BaseException) -> None:
        if not self._closed and begun is not None and begun == self._wanted:
            self._publish(replace(self.state, busy=False))
            self._failed(error)

    def _remember(self, result: Result) -> None:
        """Keep the newest results, those that are looked at again being the newest."""
        self._known.pop(result.of, None)
        self._known[result.of] = result
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]

    def _publish(self, state: State[Result]) -> None:
        if state != self.state and not self._closed:
            self.state = state
            self._changed(state)
