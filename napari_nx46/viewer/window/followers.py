"""What follows a session once a panel asks for it."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from qtpy.QtCore import QObject

from napari_nx46.data.fragments import fault_error
from napari_nx46.live.derived.comparison import ComparisonFollower
from napari_nx46.live.derived.curves import Curves
from napari_nx46.live.derived.of_session import SessionValue
from napari_nx46.live.derived.profile import Profile
from napari_nx46.live.derived.scoring import ScoreFollower
from napari_nx46.live.jobs.opening import Opening
from napari_nx46.live.jobs.runs import Runs
from napari_nx46.live.look.cursor import OrthogonalSlices, Probe
from napari_nx46.live.masks.pin_follower import PinFollower
from napari_nx46.live.masks.pin_metrics import PinMeasurer
from napari_nx46.live.masks.pins import Pins
from napari_nx46.live.session import Session
from napari_nx46.viewer.messages.notices import notify_error, notify_warning

AnyFollower = TypeVar("AnyFollower", bound=SessionValue[Any, Any] | ComparisonFollower)


class SessionFollowers(QObject):
    """The values of a session that are made when a panel first asks for them.

    What nobody looks at is not computed.

    Attributes
    ----------
    session : Session
    scores : ScoreFollower
    pins : Pins
    """

    session: Session
    scores: ScoreFollower
    pins: Pins

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._followers: list[SessionValue[Any, Any] | ComparisonFollower] = []
        self._started = False

    @cached_property
    def profiles(self) -> Profile:
        """Measures the mask slice by slice."""
        return self._adopted(Profile(self.session, self.scores))

    @cached_property
    def curves(self) -> Curves:
        """Follows the score with its histogram and curves."""
        return self._adopted(Curves(self.session, self.scores))

    @cached_property
    def pin_follower(self) -> PinFollower:
        """Computes the masks of the pins."""
        return self._adopted(PinFollower(self.session, self.pins))

    @cached_property
    def comparison(self) -> ComparisonFollower:
        """Compares the mask with another one."""
        return self._adopted(ComparisonFollower(self.session))

    @cached_property
    def pin_measurer(self) -> PinMeasurer:
        """Measures the masks of the pins."""
        return self._adopted(PinMeasurer(self.session, self.pins, self.scores))

    @cached_property
    def orthogonal(self) -> OrthogonalSlices:
        """Reads and computes the three slices through the cursor."""
        return self._adopted(OrthogonalSlices(self.session))

    @cached_property
    def probe(self) -> Probe:
        """Looks at the voxel under the mouse."""
        return self._adopted(Probe(self.session))

    def _start_followers(self) -> None:
        """Have them compute from now on."""
        self._started = True
        for follower in self._followers:
            follower.touch()

    def _adopted(self, follower: AnyFollower) -> AnyFollower:
        """Have a follower begin and end with the session, and report its errors."""
        self._followers.append(follower)
        follower.failed.connect(self._notify)
        self.destroyed.connect(follower.close)
        if self._started:
            follower.touch()
        return follower

    def _opening(self) -> Opening:
        """Return what opens the other fragments, and have its faults be shown."""
        opening = Opening(self.session, self.session.post)
        opening.failed.connect(notify_error)
        opening.found_faults.connect(self._warn_of_faults)
        self.destroyed.connect(opening.close)
        return opening

    def _runs_in(self, workspace: Path) -> Runs:
        runs = Runs(self.session, workspace, self.session.post)
        runs.failed.connect(self._notify)
        self.destroyed.connect(runs.close)
        return runs

    def _warn_of_faults(self, faults: dict[str, str]) -> None:
        notify_warning(str(fault_error(self.session.dataset.name, tuple(faults.values()))))

    @abstractmethod
    def _notify(self, error: BaseException) -> None:
        """Notify of an error, but not of the same one at every step of a slider."""
