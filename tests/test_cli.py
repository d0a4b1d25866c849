"""The command nx46: what it writes, prints and returns, and what it leaves alone."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest
import tifffile

from napari_nx46.core.pipeline import FragmentPipeline
from napari_nx46.data.fragments import open_data, write_data_folder
from napari_nx46.setting import Setting
from napari_nx46.voxels.blocks import FragmentVolumes, whole_block
from tests.command import nx46, nx46_here, without_knobs

SHAPES = {"a": (6, 15, 13), "b": (4, 9, 21)}
OLD_ARCHIVE = b"the archive of yesterday"


def write_data(root, **changed):
    """Write two fragments of uint8 probabilities; `changed` replaces volumes of fragment b."""
    rng = np.random.default_rng(6)
    for image_id, shape in SHAPES.items():
        volumes = {
            folder: rng.integers(0, 256, shape, dtype=np.uint8)
            for folder in ("p3d", "p2d", "test_images")
        }
        write_data_folder(root, image_id, volumes | (changed if image_id == "b" else {}))
    return root


def files_in(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data")


@pytest.fixture
def archive(tmp_path):
    """Return an archive that is there already, alone in its folder."""
    path = tmp_path / "out" / "submission.zip"
    path.parent.mkdir()
    path.write_bytes(OLD_ARCHIVE)
    return path


@pytest.fixture
def submission(tmp_path, data):
    """Return a valid archive of the data."""
    path = tmp_path / "valid" / "submission.zip"
    path.parent.mkdir()
    assert nx46_here("export", data, "--out", path, "--quantile", "0.9").exit_code == 0
    return path


def test_run_and_export_write_what_the_pipeline_gives(data, tmp_path, archive):
    environment = {
        "NX46_THRESHOLD_QUANTILE": "0.5",
        "NX46_Z_SMOOTHING_RADIUS": "1",
        "NX46_RUN_TAG": "of the environment",
        "NX46_DRY_RUN": "1",
    }
    flags = ("--quantile", "0.9", "--no-dry-run", "--workers", "2", "--memory", "0")
    setting = Setting(quantile=0.9, z_radius=1)
    ran = nx46("run", data, "--out", tmp_path / "new" / "run", *flags, **environment)
    assert (ran.returncode, ran.stderr) == (0, "")
    folder = tmp_path / "new" / "run"
    assert files_in(folder) == ["manifest.json", "masks/a.tif", "masks/b.tif", "metrics.csv"]
    exported = nx46("export", data, "--out", archive, "--tag", "of the flag", *flags, **environment)
    assert (exported.returncode, exported.stderr) == (0, "")
    assert files_in(archive.parent) == [
        "metrics.csv",
        "submission.manifest.json",
        "submission.zip",
    ]
    with zipfile.ZipFile(archive) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    assert list(members) == ["a.tif", "b.tif"]
    for fragment in open_data(data):
        pipeline = FragmentPipeline(FragmentVolumes(fragment.p3d, fragment.p2d))
        mask = pipeline.mask(setting, pipeline.threshold(setting), whole_block(fragment.shape))
        name = f"{fragment.image_id}.tif"
        np.testing.assert_array_equal(tifffile.imread(io.BytesIO(members[name])), mask)
        assert (folder / "masks" / name).read_bytes() == members[name]
        row = [fragment.image_id, "x".join(map(str, fragment.shape)), f"{mask.mean():.6f}"]
        for lines in (ran.stdout.splitlines(), exported.stdout.splitlines()):
            assert row in [line.split()[:3] for line in lines]
    run_manifest = json.loads((folder / "manifest.json").read_bytes())
    export_manifest = json.loads((archive.parent / "submission.manifest.json").read_bytes())
    assert run_manifest["run_tag"] == "of the environment"
    assert export_manifest["run_tag"] == "of the flag"
    assert Setting.model_validate(run_manifest["setting"]) == setting
    assert run_manifest["fragments"] == export_manifest["fragments"]
    assert (folder / "metrics.csv").read_bytes() == (archive.parent / "metrics.csv").read_bytes()
    assert f"{archive}: valid (kaggle): masks read 2, errors 0" in exported.stdout
    assert not any(line != line.rstrip() for line in exported.stdout.splitlines())


def test_a_dry_run_writes_a_report_and_nothing_else(data, archive):
    for arguments in (("run", data, "--out", archive.parent), ("export", data, "--out", archive)):
        checked = nx46_here(
            *arguments,
            *("--preset", "nx46-v7.5", "--blend", "0.5", "--fragment", "b"),
            NX46_DRY_RUN="1",
            NX46_THRESHOLD_QUANTILE="0.9",
            NX46_Z_SMOOTHING_RADIUS="2",
        )
        assert checked.exit_code == 0
        assert checked.stderr == (
            "note: NX46_THRESHOLD_QUANTILE=0.9 is overridden by --preset nx46-v7.5 (0.985)\n"
        )
        assert "blend=0.5 quantile=0.985" in checked.stdout
    assert archive.read_bytes() == OLD_ARCHIVE
    names = ["preflight.json", "submission.preflight.json", "submission.zip"]
    assert files_in(archive.parent) == names
    for name in names[:2]:
        report = json.loads((archive.parent / name).read_bytes())
        assert [entry["image_id"] for entry in report["fragments"]] == ["b"]
        assert report["fragments"][0]["setting"]["quantile"] == 0.985


def test_a_quantile_on_a_plateau_is_noted_by_every_command(tmp_path):
    volume = np.zeros((6, 10, 12), np.uint8)
    volume[:, 4] = np.arange(72, dtype=np.uint8).reshape(6, 12) + 100
    write_data_folder(tmp_path / "data", "a", {"p3d": volume, "p2d": volume})
    found = "note: a: the quantile 0.5 falls on 0, the score of 90.0% of the voxels"
    knobs = ("--quantile", "0.5", "--z-radius", "0")
    for arguments in (
        ("run", tmp_path / "data", "--out", tmp_path / "out"),
        ("run", tmp_path / "data", "--out", tmp_path / "out", "--dry-run"),
        ("export", tmp_path / "data", "--out", tmp_path / "s.zip"),
        ("export", tmp_path / "data", "--out", tmp_path / "s.zip", "--dry-run"),
    ):
        assert found in nx46_here(*arguments, *knobs).stderr
        assert "note" not in nx46_here(*arguments, *knobs, "--domain", "nonzero").stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_bytes())
    assert manifest["fragments"][0]["notes"] == []


def with_nan(volume):
    volume = volume.astype(np.float32)
    volume[3, 2, 1] = np.nan
    return volume


def with_high_value(volume):
    volume = volume.astype(np.float32)
    volume[3, 2, 1] = 1.7
    return volume


BAD_VOLUMES = {
    "NaN at (z, y, x) = (3, 2, 1)": with_nan,
    "value 1.7": with_high_value,
    "int16": lambda volume: volume.astype(np.int16),
    "shape (4, 9, 20)": lambda volume: volume[:, :, 1:],
    "truncated": None,
}


@pytest.mark.parametrize("found", BAD_VOLUMES)
@pytest.mark.parametrize("command", ["run", "export"])
def test_bad_input_is_reported_and_leaves_nothing_half_written(tmp_path, archive, command, found):
    change = BAD_VOLUMES[found]
    volume = np.zeros(SHAPES["b"], np.uint8)
    data = write_data(tmp_path / "data", p3d=volume if change is None else change(volume))
    bad_file = data / "p3d" / "b.tif"
    if change is None:
        bad_file.write_bytes(bad_file.read_bytes()[:-40])
    out = archive if command == "export" else archive.parent
    # The subprocess proves it for one command, the same code in this process for the other.
    if command == "export":
        result = nx46(command, data, "--out", out)
        code = result.returncode
    else:
        result = nx46_here(command, data, "--out", out)
        code = result.exit_code
    assert code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert str(bad_file) in result.stderr
    assert "fragment b" in result.stderr
    assert change is None or found in result.stderr
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]
    assert archive.read_bytes() == OLD_ARCHIVE
    dry = nx46_here(command, data, "--out", out, "--dry-run")
    assert (dry.exit_code, dry.stdout) == (2, "")
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (("--quantile", "1.7"), {}, "error: --quantile: Input should be less than or equal to 1"),
        (("--z-radius", "9"), {}, "error: --z-radius: "),
        (("--domain", "block"), {}, "needs a block"),
        (("--domain", "slice", "--block", "0:1,0:1,0:1"), {}, "--block implies"),
        (("--block", "9:10,0:1,0:1"), {}, "fragment a: the block"),
        (("--block", "0:1,2:2,0:1"), {}, "empty along y"),
        (("--band", "0.2:0.1"), {}, "LOW:HIGH"),
        (("--preset", "best"), {}, "no preset 'best'; there are: nx46-v7.5"),
        (("--preset", "nx46-v7.5", "--setting", "x.json"), {}, "expected one of them"),
        (("--setting", "none.json"), {}, "none.json: cannot be read"),
        (("--fragment", "x"), {}, "no fragment x; there are a, b"),
        (("--p3d", "q3d", "--p2d", "q2d"), {}, "fragment a: has no probability volume"),
        (("--workers", "0"), {}, "--workers"),
        (("--no-such-flag",), {}, "--no-such-flag"),
        ((), {"NX46_THRESHOLD_QUANTILE": "high"}, "variable NX46_THRESHOLD_QUANTILE: "),
        (("--blend", "0"), {"NX46_SCORE_BLEND_3D_WEIGHT": "2"}, "NX46_SCORE_BLEND_3D_WEIGHT"),
        ((), {"NX46_Z_SMOOTHING_RADIUS": "1.5"}, "variable NX46_Z_SMOOTHING_RADIUS: "),
        ((), {"NX46_DRY_RUN": "perhaps"}, "NX46_DRY_RUN"),
        (("--out", "archive.tar"), {}, "expected FILE.zip"),
        (("--out", "missing-folder/submission.zip"), {}, "does not exist"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_exit_code_2(
    data, archive, arguments, environment, message
):
    result = nx46_here("export", data, "--out", archive, *arguments, **environment)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert files_in(archive.parent) == ["submission.zip"]
    assert archive.read_bytes() == OLD_ARCHIVE


def test_a_run_into_a_file_and_data_that_are_not_there_are_refused(data, archive, tmp_path):
    into_file = nx46_here("run", data, "--out", archive)
    assert into_file.exit_code == 2
    assert str(archive) in into_file.stderr
    nowhere = nx46_here("run", tmp_path / "nowhere", "--out", tmp_path / "new")
    assert nowhere.exit_code == 2
    assert f"error: {tmp_path / 'nowhere'}: found nothing there" in nowhere.stderr
    assert not (tmp_path / "new").exists()


def test_folder_names_channel_band_block_and_profile_are_passed_on(tmp_path):
    rng = np.random.default_rng(7)
    root = tmp_path / "data"
    write_data_folder(root, "a", {"mine": rng.random((3, 8, 8), dtype=np.float32)})
    (root / "flat").mkdir()
    channels = rng.random((2, 3, 8, 8)).astype(np.float32)
    np.savez(root / "flat" / "a.npz", probabilities=channels)
    result = nx46_here(
        *("export", root, "--out", tmp_path / "s.zip", "--p3d", "mine", "--p2d", "flat"),
        *("--channel", "0", "--blend", "0", "--quantile", "0.5", "--block", "1:2,0:4,2:8"),
        *("--band", "0.4:0.6", "--profile", "nx47", "--compression", "lzw"),
    )
    assert result.exit_code == 0, result.stderr
    manifest = json.loads((tmp_path / "s.manifest.json").read_bytes())
    assert manifest["setting"]["domain"] == "block"
    assert manifest["setting"]["block"] == [[1, 2], [0, 4], [2, 8]]
    assert (manifest["profile"], manifest["compression"]) == ("nx47", "lzw")
    with zipfile.ZipFile(tmp_path / "s.zip") as opened:
        mask = tifffile.imread(io.BytesIO(opened.read("a.tif")))
    threshold = np.quantile(channels[0, 1:2, 0:4, 2:8].astype(np.float64), 0.5)
    np.testing.assert_array_equal(mask, (channels[0] >= threshold) * np.uint8(255))
    assert "density-outside-band" not in result.stdout


def test_validate_prints_json_and_warnings_leave_the_exit_code_alone(submission, data):
    checked = nx46("validate", submission, "--images", data, "--json", "--band", "0.5:0.6")
    assert (checked.returncode, checked.stderr) == (0, "")
    report = json.loads(checked.stdout)
    assert report["ok"] is True
    assert report["errors"] == []
    assert [found["code"] for found in report["warnings"]] == ["density-outside-band"] * 2
    assert {mask["image_id"]: tuple(mask["shape"]) for mask in report["masks"]} == SHAPES


def test_validate_gives_exit_code_1_for_errors(submission, data):
    assert nx46_here("validate", submission).exit_code == 0
    other_profile = nx46_here("validate", submission, "--profile", "nx47")
    assert other_profile.exit_code == 1
    assert "error [wrong-values] a.tif" in other_profile.stdout
    assert "not valid (nx47): masks read 2, errors 2" in other_profile.stdout
    write_data_folder(data, "c", {"test_images": np.zeros((2, 2, 2), np.uint16)})
    write_data_folder(data, "a", {"test_images": np.zeros((2, 2, 2), np.uint16)})
    for images in (data, data / "test_images"):
        result = nx46_here("validate", submission, "--images", images, "--json")
        assert result.exit_code == 1
        found = {(error["code"], error["member"]) for error in json.loads(result.stdout)["errors"]}
        assert ("missing-fragment", "c") in found
        assert any(member == "a.tif" for _, member in found)


def test_validate_needs_an_archive_and_images(submission, tmp_path):
    missing = nx46_here("validate", tmp_path / "none.zip")
    assert missing.exit_code == 2
    assert missing.stderr == f"error: {tmp_path / 'none.zip'}: No such file or directory\n"
    (tmp_path / "empty").mkdir()
    no_images = nx46_here("validate", submission, "--images", tmp_path / "empty")
    assert no_images.exit_code == 2
    assert "found no volume" in no_images.stderr
    images = tmp_path / "twice"
    images.mkdir()
    for name in ("a.npy", "a.tif"):
        (images / name).touch()
    np.save(images / "a.npy", np.zeros((1, 1, 1), np.uint8))
    twice = nx46_here("validate", submission, "--images", images)
    assert twice.exit_code == 2
    assert "found two files" in twice.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to another process")
@pytest.mark.parametrize("command", ["run", "export"])
def test_ctrl_c_leaves_what_was_there(tmp_path, archive, command):
    data = tmp_path / "data" / "p3d"
    data.mkdir(parents=True)
    rng = np.random.default_rng(8)
    # Zlib needs seconds for a mask of noise.
    np.save(data / "big.npy", rng.integers(0, 256, (128, 512, 512), dtype=np.uint8))
    out = archive if command == "export" else archive.parent
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "napari_nx46", command, str(data.parent)),
            *("--out", str(out), "--quantile", "0.5", "--workers", "1"),
        ],
        env=without_knobs(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(archive.parent.glob("*.partial")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (130, "", "cancelled\n")
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]
    assert archive.read_bytes() == OLD_ARCHIVE


def test_the_sample_command_writes_a_data_folder(tmp_path):
    result = nx46("sample", tmp_path / "new" / "sample")
    assert (result.returncode, result.stderr) == (0, "")
    dataset = open_data(tmp_path / "new" / "sample")
    assert result.stdout.startswith(f"wrote {len(dataset)} fragments to ")
    for fragment in dataset:
        assert fragment.image_id in result.stdout
        assert fragment.label is not None


def test_help_and_version_load_nothing_heavy():
    code = (
        "import sys; from napari_nx46.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, *sorted(sys.modules), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "export", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "--quantile" in result.stdout
    exit_code, *modules = result.stderr.split()
    assert exit_code == "0"
    heavy = {"numba", "napari", "qtpy", "zarr", "tifffile", "imagecodecs", "scipy", "PIL"}
    assert heavy.isdisjoint(name.partition(".")[0] for name in modules)
    shown = nx46_here("--version")
    try:
        installed = version("napari-nx46")
    except PackageNotFoundError:
        installed = "not installed"
    assert (shown.exit_code, shown.stdout) == (0, f"nx46 {installed}\n")


def test_names_that_no_terminal_should_obey_are_escaped(tmp_path, data):
    written = nx46("export", data, "--out", os.fsencode(tmp_path) + b"/caf\xe9.zip")
    assert written.returncode == 0, written.stderr
    assert os.path.exists(os.fsencode(tmp_path) + b"/caf\xe9.zip")
    assert "caf\\udce9.zip" in written.stdout
    name = "in\x1b[31mred.tif"
    (tmp_path / name).write_bytes(b"II*\0")
    for command in (("run", "--out", tmp_path / "out"), ("measure",)):
        refused = nx46_here(command[0], tmp_path / name, *command[1:])
        assert refused.exit_code == 2
        assert "\x1b" not in refused.output
        assert "\\x1b[31mred" in refused.output
