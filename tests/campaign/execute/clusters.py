"""Dask schedulers and workers in processes of their own, on loopback."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time

import psutil

PATIENCE = 90


@contextlib.contextmanager
def started(command, *arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{command}", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=20)


@contextlib.contextmanager
def scheduler(tmp_path):
    """Start ``dask scheduler`` on loopback; yield its address."""
    file = tmp_path / "scheduler.json"
    flags = ("--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file)
    with started("dask_scheduler", *flags) as process:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError):
                yield process, json.loads(file.read_text())["address"]
                return
            time.sleep(0.05)
        raise AssertionError("the scheduler did not start in time")


def worker(address, tmp_path, *flags):
    """Start ``dask worker`` on loopback."""
    return started(
        *("dask_worker", address, "--host", "127.0.0.1", "--no-dashboard", "--memory-limit", 0),
        *("--local-directory", tmp_path, *flags),
    )
