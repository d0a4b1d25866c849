"""What every test may use."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from napari_nx46 import write_sample

REPOSITORY = Path(__file__).resolve().parent.parent
TESTS = Path(__file__).parent
SLOW_ROOMS = ("viewer", "campaign", "cli")
"""In the order in which their tests are run, before all others."""

# No test reads or writes what belongs to the user who runs it.
_OWN_FOLDERS = tempfile.TemporaryDirectory(prefix="nx46-tests-")
os.environ["NX46_PRESETS_DIR"] = str(Path(_OWN_FOLDERS.name) / "presets")
os.environ["NX46_WORKSPACES_DIR"] = str(Path(_OWN_FOLDERS.name) / "workspaces")
os.environ["NAPARI_CONFIG"] = str(Path(_OWN_FOLDERS.name) / "napari" / "settings.yaml")

# pytest-qt would choose a binding of its own.
if "QT_API" in os.environ:
    os.environ.setdefault("PYTEST_QT_API", os.environ["QT_API"])

# A first call compiles, and two cores may be shared: no deadline can be kept.
settings.register_profile(
    "local", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the soak test be as long as one likes."""
    parser.addoption("--soak", type=int, default=300, help="slider events of the soak test")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with files that take long: none of them is to be left over for one process."""
    sizes = Counter(item.path for item in items)

    def rank(item: pytest.Item) -> tuple[int, int]:
        room = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
        return [*SLOW_ROOMS, room].index(room), -sizes[item.path]

    items.sort(key=rank)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the folder of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the sample fragments, to be read only: to make them takes seconds."""
    folder = tmp_path_factory.mktemp("samples") / "sample"
    write_sample(folder)
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of published masks and archives beside the checkout, or skip."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs the folder of published masks and archives: {folder} is not there")
    return folder
