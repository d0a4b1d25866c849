"""A session without a window: what it posts is run by the test, in the test's thread."""

from __future__ import annotations

import queue
import threading
import time

import numpy as np

from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.live.session import Session
from napari_nx46.live.view import View
from napari_nx46.voxels.blocks import block_shape, whole_block
from tests.core.definition import defined_mask

PATIENCE = 60.0
"""Seconds after which what has not happened counts as a failure."""


class Loop:
    """The event loop of a test: functions are posted from any thread and run by `run`."""

    def __init__(self):
        self.posted = queue.Queue()

    def post(self, function):
        self.posted.put(function)

    def run(self):
        """Run what has been posted so far."""
        while not self.posted.empty():
            self.posted.get()()

    def run_until(self, condition):
        """Run what is posted until the condition holds; fail if that takes too long."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, "it did not happen"
            try:
                self.posted.get(timeout=min(left, 0.01))()
            except queue.Empty:
                continue


class Clock:
    """Calls functions later, when the test says how much time has passed."""

    def __init__(self):
        self.now = 0.0
        self.calls = {}
        self._made = 0

    def call_later(self, seconds, function):
        self._made += 1
        number = self._made
        self.calls[number] = (self.now + seconds, function)
        return lambda: self.calls.pop(number, None)

    def advance(self, seconds):
        self.now += seconds
        for number, (due, function) in list(self.calls.items()):
            if due <= self.now and self.calls.pop(number, None):
                function()


class Events:
    """What an object's signals reported, in order, and in which threads."""

    def __init__(self, emitter, *names):
        self.log = []
        self.threads = set()
        for name in names:
            getattr(emitter, name).connect(self._recorder(name))

    def _recorder(self, name):
        def record(*arguments):
            self.threads.add(threading.get_ident())
            self.log.append((name, arguments))

        return record

    def names(self):
        return [name for name, _ in self.log]

    def of(self, name):
        """Return the arguments of every emission of one signal."""
        return [arguments for logged, arguments in self.log if logged == name]


class SessionDriver:
    """A session with its loop, the events it emitted, and the volumes as arrays."""

    def __init__(self, dataset, **options):
        self.loop = Loop()
        self.dataset = dataset
        self.session = Session(dataset, post=self.loop.post, **options)
        self.events = Events(
            self.session,
            "setting_changed",
            "fragment_changed",
            "mask_changed",
            "figures_changed",
            "accepted_changed",
            "band_changed",
            "failed",
        )

    def settle(self):
        """Wait for the worker, and take what it posted."""
        assert self.session.wait_until_exact(PATIENCE)
        self.loop.run()

    def shown(self):
        """Return the displayed plane's mask, as the canvas would ask for it."""
        return self.session.mask_block(self.session.view.plane)

    def expected(self, setting=None, image_id=None):
        """Return the whole mask of a fragment with its corrections, by the plain definition."""
        image_id = image_id or self.session.fragment.image_id
        which = self.dataset.image_ids.index(image_id)
        mask = defined_mask(pairs_of(self.dataset), setting or self.session.setting, which)
        labels = self.session.corrections.of(image_id).labels(whole_block(mask.shape))
        return np.where(labels == 0, mask, labels == 1).astype(np.uint8)

    def paint(self, block, value, image_id=None, **options):
        """Correct a block by hand, by slices along z, y and x."""
        corrections, image_id = self.session.corrections, image_id or self.session.fragment.image_id
        before = corrections.of(image_id)
        block = tuple(slice(*one.indices(n)) for one, n in zip(block, before.shape, strict=True))
        corrections.change(
            image_id,
            before.changed(block, np.full(block_shape(block), value, np.uint8)),
            **options,
        )

    def assert_shows_the_definition(self):
        """Check mask and figures of the displayed plane against the plain definition."""
        session, expected = self.session, self.expected()
        plane, block = session.view.plane, session.view.block
        np.testing.assert_array_equal(self.shown(), expected[plane])
        figures = session.figures
        assert figures.exact
        assert figures.fragment_exact
        assert figures.slice_density == expected[plane].mean()
        assert figures.block_density == expected[block].mean()
        assert figures.fragment_density == expected.mean()


class CountingKernels:
    """Kernels that count the voxels whose score they compute, and those that they threshold."""

    def __init__(self, kernels):
        self._kernels = kernels
        self._lock = threading.Lock()
        self.scored = self.thresholded = 0

    def score_tile(self, *arguments):
        with self._lock:
            self.scored += arguments[-2].size
        self._kernels.score_tile(*arguments)

    def count_low_bits(self, *arguments):
        self._kernels.count_low_bits(*arguments)

    def threshold_tile(self, score, threshold, mask):
        with self._lock:
            self.thresholded += mask.size
        self._kernels.threshold_tile(score, threshold, mask)


def count_kernels(session):
    """Have a session, whose kernels are compiled, compute with kernels that count from now on."""
    counting = CountingKernels(session.pipelines[session.fragment.image_id].kernels)
    for image_id in session.dataset.image_ids:
        session.pipelines[image_id].kernels = counting
    return counting


def pairs_of(dataset):
    """Return p3d and p2d of every fragment as arrays."""
    return [(fragment.p3d.read(), fragment.p2d.read()) for fragment in dataset]


def smooth_volume(rng, shape):
    """Return probabilities that vary slowly, float32."""
    axes = np.meshgrid(*(np.linspace(0, 1, length) for length in shape), indexing="ij")
    waves = sum(np.sin(axis * rng.uniform(4, 9) + rng.uniform(0, 6)) for axis in axes)
    return (1 / (1 + np.exp(-1.5 * waves))).astype(np.float32)


def write_fragments(root):
    """Write three fragments of different shapes and types; the last has one path only."""
    rng = np.random.default_rng(46)
    write_data_folder(
        root,
        "a",
        {
            "p3d": rng.random((12, 20, 24), dtype=np.float32),
            "p2d": rng.integers(0, 256, (12, 20, 24), dtype=np.uint8),
        },
    )
    write_data_folder(
        root,
        "b",
        {
            "p3d": (rng.random((5, 18, 27)) ** 2).astype(np.float16),
            "p2d": rng.integers(0, 65536, (5, 18, 27), dtype=np.uint16),
        },
    )
    (root / "p2d").mkdir(exist_ok=True)
    np.save(root / "p2d" / "c.npy", np.sqrt(rng.random((7, 13, 10), dtype=np.float32)))
    return open_data(root)


def write_damaged(root):
    """Write fragment ``a`` with NaN in slice 2 of its p3d, and a sound fragment ``b``."""
    rng = np.random.default_rng(4)
    for name in ("p3d", "p2d"):
        (root / name).mkdir(parents=True, exist_ok=True)
        for image_id in ("a", "b"):
            voxels = rng.random((9, 8, 10), dtype=np.float32)
            if (name, image_id) == ("p3d", "a"):
                voxels[2, 3, 4] = np.nan
            np.save(root / name / f"{image_id}.npy", voxels)
    return open_data(root)


def plane_view(shape, axis, position, block=None):
    """Return the view of one plane across any axis, whole or of the (start, stop) given."""
    plane = list(whole_block(shape))
    plane[axis] = slice(position, position + 1)
    seen = plane if block is None else [slice(*extent) for extent in block]
    return View(tuple(plane), tuple(seen))


def named_threads(prefix="nx46"):
    """Return the names of the program's threads that are alive."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)]


def wait_for(condition):
    """Wait until a condition holds that needs no loop; fail if that takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def settle(driver):
    """Wait for all that is computed of a session, and take what the workers posted."""
    driver.settle()
    assert driver.session.graph.wait_until_idle(PATIENCE)
    driver.loop.run()
