"""A session whose mask is scored against the labels of its fragments."""

from __future__ import annotations

import threading

import numpy as np

from napari_nx46 import leaderboard
from napari_nx46.live.derived import leaderboard_score
from napari_nx46.live.derived.scoring import ScoreFollower
from tests.live.driver import Events, SessionDriver

SHAPES = {"a": (12, 20, 24), "b": (9, 18, 27), "c": (7, 13, 10)}
REST = 0.02
true_score = leaderboard.score  # whatever a test puts in its place


def labels_of(shape, seed):
    """Return sheets across x with ignored voxels, uint8 {0, 1, 2}."""
    rng = np.random.default_rng(seed)
    label = np.zeros(shape, np.uint8)
    label[:, :, 2::6] = 1
    label[:, :, 3::6] = rng.random(label[:, :, 3::6].shape) < 0.5
    label[:, -3:] = 2
    return label


class Scored(SessionDriver):
    """A session with a follower, and the labels as arrays."""

    def __init__(self, dataset, labels, *, rest_seconds=REST, start=True):
        super().__init__(dataset)
        self.labels = labels
        self.follower = ScoreFollower(self.session, rest_seconds=rest_seconds)
        self.reported = Events(self.follower, "scores_changed", "label_changed", "failed")
        if start:
            self.session.start()
            self.follower.start()

    @property
    def scores(self):
        return self.follower.scores

    def wait_until_current(self):
        self.loop.run_until(lambda: self.scores.fragment.is_current)

    def wait_until_all(self):
        """Wait for all that is on its way."""
        self.loop.run_until(lambda: self.follower.kernels_ready)
        self.settle()
        self.wait_until_current()

    def label(self, block=...):
        return self.labels[self.session.fragment.image_id][block]

    def expected_score(self, block=...):
        """Return the score of the plainly defined mask."""
        return true_score(self.expected()[block], self.label(block))

    def close(self):
        self.follower.close()
        self.session.close()


class Hold:
    """Holds back `leaderboard.score` in the worker until it is opened, or reported it is stale."""

    def __init__(self, monkeypatch):
        self.entered, self._open = threading.Event(), threading.Event()
        self.cancelled = 0

        def held(prediction, label, *, cancelled, workers):
            self.entered.set()
            while not self._open.wait(0.005):
                if cancelled():
                    self.cancelled += 1
                    raise leaderboard.Cancelled("held")
            return true_score(prediction, label, cancelled=cancelled, workers=workers)

        monkeypatch.setattr(leaderboard_score.leaderboard, "score", held)

    def open(self):
        self._open.set()
