"""Functions that other threads post run in the GUI's thread, until their owner is gone."""

from __future__ import annotations

import subprocess
import sys
import threading

from qtpy.QtCore import QObject

from napari_nx46.viewer.qt.main_thread import MainThreadPoster


def test_what_is_posted_runs_in_the_guis_thread(qtbot):
    post, ran = MainThreadPoster(), []
    thread = threading.Thread(target=post, args=[lambda: ran.append(threading.get_ident())])
    thread.start()
    thread.join()
    assert ran == []
    qtbot.waitUntil(lambda: ran == [threading.get_ident()])


def test_nothing_runs_once_the_owner_is_deleted(qtbot, send_deferred_deletes):
    owner, ran = QObject(), []
    post = MainThreadPoster(owner)
    post(lambda: ran.append("before"))
    owner.deleteLater()
    send_deferred_deletes()
    post(lambda: ran.append("after"))
    qtbot.wait(5)
    assert "after" not in ran


def test_threads_may_post_while_the_owner_is_deleted(qtbot, send_deferred_deletes):
    for _ in range(50):
        owner, begun, stop = QObject(), threading.Event(), threading.Event()
        post = MainThreadPoster(owner)

        def work(post=post, begun=begun, stop=stop):
            while not stop.is_set():
                post(lambda: None)
                begun.set()

        thread = threading.Thread(target=work)
        thread.start()
        begun.wait()
        owner.deleteLater()
        send_deferred_deletes()
        stop.set()
        thread.join()


STILL_POSTING = """
import subprocess
import sys
import threading
from qtpy.QtWidgets import QApplication
from napari_nx46.viewer.qt.main_thread import MainThreadPoster

application = QApplication([])
post, begun = MainThreadPoster(), threading.Event()

def work():
    while True:
        post(lambda: None)
        begun.set()

for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
begun.wait()
"""


def test_threads_may_post_while_the_program_ends():
    ended = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", STILL_POSTING],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
