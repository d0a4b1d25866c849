"""A comparison as tables: for the terminal, as Markdown, as CSV and as a page of HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from napari_nx46.files.atomic import WriteError
from napari_nx46.files.naming import printable
from napari_nx46.files.volumes.opening import Volume
from napari_nx46.run.compare.changes import change_tables
from napari_nx46.run.compare.comparison import ComparedFragment, ComparisonReport
from napari_nx46.run.compare.mask_sets import MaskSet
from napari_nx46.run.csv_text import csv_bytes
from napari_nx46.run.pages import ReportTable, render_page

__all__ = [
    "COMPARISON_COLUMNS",
    "FIGURE_WORDS",
    "REPORT_FORMATS",
    "check_report_target",
    "comparison_csv",
    "comparison_html",
    "comparison_markdown",
    "comparison_tables",
    "figure_text",
]

COMPARISON_COLUMNS = ("section", "fragment", "name", "a", "b", "both", "delta")
"""Columns of `comparison_csv`, one row a fact; delta is B - A."""

MOST_WORST_SLICES = 5

_COUNTS = ("components", "euler_number")
FIGURE_WORDS = {
    "density": "density",
    "mean_continuity": "continuity",
    "components": "components",
    "largest_share": "largest share",
    "euler_number": "Euler number",
    "precision": "precision",
    "recall": "recall",
    "dice": "Dice to label",
    "leaderboard_score": "leaderboard score",
    "topo": "topo",
    "surface_dice": "surface dice",
    "voi_score": "VOI",
}
"""What people call each figure, in the order in which they are reported."""


def comparison_tables(report: ComparisonReport) -> tuple[ReportTable, ...]:
    """Return the tables that people read; those without a row are left out."""
    tables = (
        ReportTable("Sides", ("side", "name", "kind", *_SIDE_FACTS), _side_rows(report)),
        ReportTable(
            "Files",
            ("side", "file", "SHA-256"),
            tuple(
                (letter, printable(str(file.path)), file.sha256)
                for letter, side in _sides(report)
                for file in side.files
            ),
        ),
        ReportTable(
            "Knobs that differ",
            ("knob", "fragment", "A", "B"),
            tuple(
                (one.knob, one.image_id or "all", printable(one.value_a), printable(one.value_b))
                for one in report.knobs
            ),
        ),
        _figure_table(report),
        *change_tables(report.changes),
        ReportTable(
            "Overlap",
            ("fragment", "Dice", "IoU", "both", "only A", "only B", "worst slices (Dice)"),
            tuple(_overlap_row(one) for one in report.fragments),
        ),
    )
    return tuple(table for table in tables if table.rows)


def comparison_markdown(report: ComparisonReport) -> bytes:
    """Return the comparison as Markdown, UTF-8."""
    return _rendered("comparison.md", report)


def comparison_html(report: ComparisonReport) -> bytes:
    """Return the comparison as a page of HTML, UTF-8, that needs no other file."""
    return _rendered("comparison.html", report)


def comparison_csv(report: ComparisonReport) -> bytes:
    """Return the comparison as CSV, `COMPARISON_COLUMNS`: one row a fact, figures in full."""
    return csv_bytes(COMPARISON_COLUMNS, _facts(report))


REPORT_FORMATS: Mapping[str, Callable[[ComparisonReport], bytes]] = MappingProxyType(
    {".md": comparison_markdown, ".csv": comparison_csv, ".html": comparison_html}
)
"""Ending of a report's file name -> what makes its content."""


def check_report_target(
    target: Path,
    sides: Sequence[MaskSet],
    labels: Mapping[str, Volume],
    others: Sequence[Path] = (),
) -> None:
    """Check that writing a report would destroy nothing that is compared.

    Raises
    ------
    WriteError
        If the target is, or lies in, one of the files.
    """
    files = (file.path for side in sides for file in side.files)
    sources = [path for path in files if isinstance(path, Path)]
    sources += [volume.path for volume in labels.values() if volume.path is not None]
    resolved = target.resolve()
    taken = {path.resolve() for path in (*sources, *others)}
    if not taken.isdisjoint((resolved, *resolved.parents)):
        raise WriteError(target, "a file that is compared is there; choose another place")


def figure_text(name: str, value: float | None, *, signed: bool = False, decimals: int = 6) -> str:
    """Return a figure as people read it; nothing for one that is not known.

    Parameters
    ----------
    name : str
        Of the figure; those that are counts have no decimals where they are whole.
    value : float, optional
    signed : bool
        Whether a value above 0 has its sign.
    decimals : int
        Digits behind the point.
    """
    if value is None:
        return ""
    whole = name in _COUNTS and float(value).is_integer()
    digits = 0 if whole else decimals
    text = f"{value:{'+' if signed else ''}.{digits}f}"
    return text.removeprefix("+").removeprefix("-") if float(text) == 0 else text


def _rendered(page: str, report: ComparisonReport) -> bytes:
    values = {
        "title": "A compared with B",
        "tables": comparison_tables(report),
        "notes": report.notes,
    }
    return render_page("napari_nx46.run.compare", page, values)


# ---- tables --------------------------------------------------------------------------------

_SIDE_FACTS = ("tag", "public score", "private score")


def _sides(report: ComparisonReport) -> tuple[tuple[str, MaskSet], tuple[str, MaskSet]]:
    return ("A", report.a), ("B", report.b)


def _side_rows(report: ComparisonReport) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            letter,
            printable(side.name),
            side.kind.value,
            printable(side.tag),
            *("" if score is None else f"{score:g}" for score in _scores(side)),
        )
        for letter, side in _sides(report)
    )


def _scores(side: MaskSet) -> tuple[float | None, float | None]:
    return side.public_score, side.private_score


def _figure_table(report: ComparisonReport) -> ReportTable:
    records = [(one.image_id, one.a.as_record(), one.b.as_record()) for one in report.fragments]
    if len(records) > 1:
        records.append(("mean", *report.means()))
    names = [name for name in FIGURE_WORDS if any(name in a or name in b for _, a, b in records)]
    rows: list[tuple[str, ...]] = []
    for image_id, a, b in records:
        deltas = {name: b[name] - a[name] for name in names if name in a and name in b}
        rows += [
            (image_id, "A", *(figure_text(name, a.get(name)) for name in names)),
            (image_id, "B", *(figure_text(name, b.get(name)) for name in names)),
            (image_id, "B - A", *(figure_text(n, deltas.get(n), signed=True) for n in names)),
        ]
    return ReportTable(
        "Figures", ("fragment", "side", *(FIGURE_WORDS[n] for n in names)), tuple(rows)
    )


def _overlap_row(fragment: ComparedFragment) -> tuple[str, ...]:
    whole = fragment.overlap
    worst = ", ".join(
        f"{z} ({fragment.slices[z].dice:.4f})"
        for z in fragment.slices.worst_slices(MOST_WORST_SLICES)
    )
    return (
        fragment.image_id,
        f"{whole.dice:.6f}",
        f"{whole.iou:.6f}",
        *(str(count) for count in (whole.both, whole.only_a, whole.only_b)),
        worst or "none differs",
    )


# ---- CSV -----------------------------------------------------------------------------------

Fact = tuple[str, str, str, str, str, str, str]


def _facts(report: ComparisonReport) -> Iterator[Fact]:
    a, b = report.a, report.b
    yield ("side", "", "name", a.name, b.name, "", "")
    yield ("side", "", "kind", a.kind.value, b.kind.value, "", "")
    yield ("side", "", "tag", a.tag, b.tag, "", "")
    for name, of_a, of_b in zip(_SIDE_FACTS[1:], _scores(a), _scores(b), strict=True):
        yield _figure_fact("side", "", name.replace(" ", "_"), of_a, of_b)
    for file in a.files:
        yield ("file", "", str(file.path), file.sha256, "", "", "")
    for file in b.files:
        yield ("file", "", str(file.path), "", file.sha256, "", "")
    for knob in report.knobs:
        yield ("knob", knob.image_id or "", knob.knob, knob.value_a, knob.value_b, "", "")
    for fragment in report.fragments:
        yield from _fragment_facts(fragment)
    mean_a, mean_b = report.means()
    for name in mean_a:
        yield _figure_fact("mean", "", name, mean_a[name], mean_b[name])
    for note in report.notes:
        yield ("note", "", note, "", "", "", "")


def _fragment_facts(fragment: ComparedFragment) -> Iterator[Fact]:
    image_id, whole = fragment.image_id, fragment.overlap
    a, b = fragment.a.as_record(), fragment.b.as_record()
    for name in FIGURE_WORDS:
        if name in a or name in b:
            yield _figure_fact("figure", image_id, name, a.get(name), b.get(name))
    counts = (str(whole.only_a), str(whole.only_b), str(whole.both))
    yield ("overlap", image_id, "voxels", *counts, "")
    yield ("overlap", image_id, "dice", "", "", _digits(whole.dice), "")
    yield ("overlap", image_id, "iou", "", "", _digits(whole.iou), "")
    if fragment.changes is not None:
        for kind in fragment.changes.kinds:
            yield ("errors_mended", image_id, kind.kind, *_counted(kind.mended, kind.mended_share))
            yield ("errors_new", image_id, kind.kind, *_counted(kind.new, -kind.new_share))
            yield ("errors_in_both", image_id, kind.kind, *_counted(kind.kept, -kind.kept_change))
    for z in fragment.slices.worst_slices(MOST_WORST_SLICES):
        yield ("worst_slice_dice", image_id, str(z), "", "", _digits(fragment.slices[z].dice), "")


def _figure_fact(
    section: str, fragment: str, name: str, value_a: float | None, value_b: float | None
) -> Fact:
    delta = None if value_a is None or value_b is None else value_b - value_a
    return (section, fragment, name, _digits(value_a), _digits(value_b), "", _digits(delta))


def _counted(count: int, points: float) -> tuple[str, str, str, str]:
    """Return a number of errors, and the points that they change."""
    return ("", "", str(count), _digits(points))


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"
