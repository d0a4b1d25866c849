"""The report of a search: answers first, then what is to be expected, then tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from napari_nx46.files.atomic import write_together
from napari_nx46.run.pages import ReportTable, render_page
from napari_nx46.run.suggest.suggest import Suggestion
from napari_nx46.run.suggest.trying.label_free import FIGURES

__all__ = ["changed_knobs", "report_beside", "write_report"]

SHOWN_KNOBS = 15


def report_beside(out: Path) -> Path:
    """Return where the report of a setting file is written."""
    return out.with_name(f"{out.stem}.report.md")


def write_report(found: Suggestion, out: Path) -> Path:
    """Write the report beside a setting file: Markdown for people, JSON for programs.

    Parameters
    ----------
    found : Suggestion
    out : Path
        The setting file.

    Returns
    -------
    Path
        Of the Markdown; the JSON has its name with ``.json``.

    Raises
    ------
    WriteError
        If the folder cannot be written to.
    """
    target = report_beside(out)
    page = render_page(
        "napari_nx46.run.suggest",
        "suggest.md",
        {
            "found": found,
            "answers": found.findings.answers,
            "tables": tuple(_tables(found)),
            "what": "score" if found.with_label else "mean rank",
        },
    )
    with write_together() as batch:
        batch.add(target).write_bytes(page)
        text = json.dumps(_record(found), indent=2, allow_nan=False) + "\n"
        batch.add(target.with_suffix(".json")).write_text(text, "utf-8")
    return target


def changed_knobs(found: Suggestion) -> list[tuple[str, str, str]]:
    """Return the knobs that differ from the start, each with its value before and after."""
    before, after = (one.model_dump(mode="json") for one in (found.start, found.choice.setting))
    return [
        (name, str(before[name]), str(after[name]))
        for name in before
        if before[name] != after[name]
    ]


def _tables(found: Suggestion) -> Iterator[ReportTable]:
    yield ReportTable("Knobs", ("knob", "start", "taken"), tuple(changed_knobs(found)))
    names = found.figures if found.with_label else FIGURES
    rows = tuple(
        (name, f"{found.start_figures[name]:.6f}", f"{found.figures[name]:.6f}") for name in names
    )
    yield ReportTable("Figures, means over the fragments", ("figure", "start", "taken"), rows)
    if found.findings.fragments:
        of_mask = ("score", "recall", "precision", "density")
        heads = (f"{name}, {which}" for name in of_mask for which in ("start", "taken"))
        columns = ("fragment", *heads)
        yield ReportTable(
            "Fragments",
            columns,
            tuple(
                (image_id, *(f"{one.values[name]:.4f}" for name in of_mask for one in pair))
                for image_id, pair in found.findings.fragments.items()
            ),
        )
    if found.trust.groups:
        yield ReportTable(
            "Left out",
            ("group", "start", "choice without it", "the same where it was chosen"),
            tuple(
                (one.group, f"{one.start:.6f}", f"{one.score:.6f}", f"{one.seen:.6f}")
                for one in found.trust.groups
            ),
        )
    if found.findings.importance:
        shown = list(found.findings.importance.items())[:SHOWN_KNOBS]
        yield ReportTable(
            "Importance of the knobs (PED-ANOVA, as Optuna computes it)",
            ("knob", "importance"),
            tuple((name, f"{100 * share:.1f} %") for name, share in shown),
        )


def _record(found: Suggestion) -> dict[str, object]:
    choice, trust = found.choice, found.trust
    return {
        "value": choice.value,
        "start": choice.start_value,
        "plateau": choice.plateau,
        "near": choice.near,
        "peak": choice.peak_value,
        "with_label": found.with_label,
        "tried": found.tried,
        "whole": found.whole,
        "setting": choice.setting.model_dump(mode="json"),
        "peak_setting": choice.peak.model_dump(mode="json"),
        "expected": trust.expected,
        "error": trust.error,
        "margin_of_one": trust.margin,
        "optimism": trust.optimism,
        "gain": None if trust.gain is None else [trust.gain.mean, trust.gain.error],
        "groups": {
            one.group: {"start": one.start, "score": one.score, "seen": one.seen}
            for one in trust.groups
        },
        "answers": {one.question: one.answer for one in found.findings.answers},
        "importance": dict(found.findings.importance or {}),
    }
