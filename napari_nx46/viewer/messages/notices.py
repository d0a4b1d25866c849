"""napari's notifications, with texts as they are; an error keeps what raised it."""

from __future__ import annotations

from napari.utils.notifications import (
    Notification,
    NotificationSeverity,
    notification_manager,
    show_info,
    show_warning,
)

from napari_nx46.viewer.messages.error_words import notice_of
from napari_nx46.viewer.messages.plain_text import unmistakable


class ErrorNotice(Notification):
    """The notification of an error of this plugin.

    Parameters
    ----------
    error : BaseException
    """

    def __init__(self, error: BaseException) -> None:
        super().__init__(unmistakable(notice_of(error)), NotificationSeverity.ERROR)
        self.error = error


def notify_error(error: BaseException) -> None:
    """Have napari notify of an error, and the dock keep it."""
    notification_manager.dispatch(ErrorNotice(error))


def notify_warning(message: str) -> None:
    """Have napari notify of something to be known."""
    show_warning(unmistakable(message))


def notify_info(message: str) -> None:
    """Have napari notify of something to be known that needs nothing to be done."""
    show_info(unmistakable(message))
