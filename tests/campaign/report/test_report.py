"""The report of a campaign: what it says, what its figures are made from, and that it is safe."""

from __future__ import annotations

import base64
import csv
import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from napari_nx46.campaign.analysis.whole import analyse
from napari_nx46.campaign.report.sections import report_of
from napari_nx46.campaign.report.tables import TABLE_NAMES
from napari_nx46.campaign.report.writing import write_report
from napari_nx46.campaign.verdicts.figures import mean_figure
from napari_nx46.campaign.verdicts.gains import FragmentGain
from napari_nx46.campaign.verdicts.rules import Rules
from napari_nx46.files.atomic import WriteError
from napari_nx46.leaderboard import explain, score
from napari_nx46.run.compare.changes import won_and_lost
from napari_nx46.run.findings.gained import GainedForeground
from napari_nx46.run.findings.words import THE_QUESTIONS
from napari_nx46.setting import Setting
from tests.campaign.results_factory import campaign, done, failed, slices, waiting

HOSTILE = '<script>alert("$\\frac{1}$")</script>&_|=cmd'
DEPTH = 6
SHARED = ("http:", "https:", "//", "javascript:", "file:")
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


class Page(HTMLParser):
    """What a page of HTML holds."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts, self.images = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_data(self, data):
        self.texts.append(data.strip())

    @property
    def text(self):
        return " ".join(part for part in self.texts if part)


def figures(run, fragment):
    """Return made-up figures in which the quantile of a run counts for most."""
    return {
        "density": 0.06 + 0.01 * run,
        "precision": 0.95 - 0.02 * max(run - 2, 0),
        "recall": 0.6 + 0.05 * run - 0.02 * fragment,
        "dice": 0.7 + 0.01 * run,
        "leaderboard_score": 0.5 + 0.03 * run + 0.001 * (run % 2) + 0.01 * fragment,
        "components": 10.0 - run,
    }


def slice_figures(run):
    return slices(
        DEPTH,
        density=lambda z: 0.05 + 0.01 * run + 0.001 * z,
        recall=lambda z: 0.9 - 0.1 * z / DEPTH,
        recall_loss=lambda z: 0.01 * z,
    )


SHEETS = np.zeros((20, 24, 24), bool)
SHEETS[3:5] = SHEETS[13:15] = True
WITH_HOLE, WITH_ISLAND = SHEETS.copy(), SHEETS.copy()
WITH_HOLE[3:5, 4:6, 4:6] = False
WITH_ISLAND[8, 8, 8] = True


@pytest.fixture(scope="module")
def analysis():
    names = ["base", "two", "three", HOSTILE, "five", "six"]
    settings = dict(
        zip(
            names,
            [Setting(quantile=q, blend=w) for q in (0.9, 0.92, 0.94) for w in (0.6, 0.7)],
            strict=True,
        )
    )
    runs = {
        name: {
            image_id: done(name, image_id, figures(run, fragment), slice_figures(run))
            for fragment, image_id in enumerate(("s1", "s2"))
        }
        for run, name in enumerate(names)
    }
    runs["broken"] = {"s1": failed("broken", "s1", "<b>s1.tif</b>: found NaN"), "s2": {}}
    runs["open"] = {"s1": waiting("open", "s1"), "s2": {}}
    results = campaign(runs, settings=settings, name=HOSTILE, public_scores={"base": 0.41})
    counts = GainedForeground(
        gained=100,
        lost=8,
        repeated=30,
        near=60,
        baseline=900,
        lost_near=2,
        baseline_near=800,
        shortest_repeat=8,
    )
    errors = won_and_lost(*(explain(mask, SHEETS).items for mask in (WITH_HOLE, WITH_ISLAND)))
    gains = (FragmentGain("five", "base", "s1", counts, errors),)
    return analyse(results, Rules(band=(0.06, 0.105)), gains)


@pytest.fixture(scope="module")
def report(analysis):
    return report_of(analysis)


@pytest.fixture(scope="module")
def written(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports") / "new" / "folder"
    write_report(report, folder)
    return folder


@pytest.fixture(scope="module")
def page(written):
    return Page((written / "report.html").read_text(encoding="utf-8"))


def rows_of(folder, name):
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def section(report, title):
    return next(one for one in report.sections if one.title == title)


# ---- what it says --------------------------------------------------------------------------


def test_the_page_says_what_came_out(page):
    for words in (
        "The best run is five (blend 0.6, quantile 0.94), by its mean leaderboard score",
        "Of 8 runs: 5 accepted, 2 rejected and 1 undecided.",
        "quantile explains most of the variance of the leaderboard score",
        "Precision starts to fall between the densities 0.0900 and 0.1000",
        "60.0 % of them lie near true surface, 30.0 % are repeated structure and 10.0 % scattered",
        "Of the baseline's own foreground 88.9 % lies near true surface.",
        "rank the 6 runs with Kendall's W = 1.000",
        "mean density 0.11 is above the band of 0.06 to 0.105",
        "1 of 2 fragments failed, none may (s1: <b>s1.tif</b>: found NaN)",
        "of 16 tasks 14 done, 1 failed, 1 not done yet",
    ):
        assert words in page.text, words


def test_nothing_is_reported_as_minus_nothing(page):
    assert not re.search(r"[-−]0(\.0+)?(?![\d.])", page.text)


def test_every_part_that_was_asked_for_is_there(report):
    drawn = {one.title: len(one.figures) for one in report.sections}
    assert drawn == {
        "Answers": 0,
        "In short": 0,
        "Runs": 1,
        "Accepted and rejected": 0,
        "Fragments and stability": 1,
        "Slices": 2,
        "Score and precision against density": 1,
        "What drove the scores": 2,
        "True gain or repeated structure": 1,
        "What was won and lost": 0,
        "Tables": 0,
    }


def test_the_ranking_has_deltas_to_the_baseline(report):
    (ranking,) = section(report, "Runs").tables
    heads, rows = ranking.table.columns, ranking.table.rows
    best = dict(zip(heads, rows[0], strict=True))
    assert best["run"] == "five (best)"
    assert best["leaderboard score"] == "0.6250"
    place = heads.index("leaderboard score") + 1
    assert heads[place] == "Δ"
    assert rows[0][place] == "+0.1200"
    baseline = next(row for row in rows if row[1] == "base (baseline)")
    assert baseline[place] == "–"
    assert baseline[heads.index("public score")] == "0.4100"


def test_the_first_lines_answer_with_figures(report, analysis):
    answers = section(report, "Answers").points
    assert report.sections[0] is section(report, "Answers")
    asked = [question for question in THE_QUESTIONS.values() if question != answers[0]]
    assert [point.partition("? ")[0] + "?" for point in answers] == asked
    metrics = analysis.results.fragments["five", "s1"].metrics
    assert f"recall {metrics['recall']:.3f} at precision {metrics['precision']:.3f}" in answers[0]
    shares = {one.name: one.share for one in analysis.shares.shares}
    largest = max(shares, key=shares.get)
    assert f"of knobs {largest}, {100 * shares[largest]:.0f} %" in answers[1]
    inside = [run for run in analysis.results.plan.runs if 0.06 <= density(analysis, run) <= 0.105]
    assert f"{len(inside)} of " in answers[4]


def density(analysis, run):
    return mean_figure(analysis.results, run.run_id, "density") or 0.0


def test_the_slices_that_lose_most_recall_are_named(report):
    (lost,) = section(report, "Slices").tables
    assert lost.table.rows[0][:2] == ("five", "s1")
    assert lost.table.rows[0][2].startswith("5 (0.0500, 33.3 %), 4 (0.0400, 26.7 %)")


def test_the_best_run_of_each_fragment_is_reported_with_recall_and_precision(report):
    best, _ = section(report, "Fragments and stability").tables
    assert best.table.columns == ("fragment", "run", "leaderboard score", "recall", "precision")
    assert best.table.rows == (
        ("s1", "six", "0.6510", "0.8500", "0.8900"),
        ("s2", "six", "0.6610", "0.8300", "0.8900"),
    )


def test_of_equal_runs_the_first_in_the_ranking_is_reported_and_what_is_not_known_is_a_dash():
    runs = {
        "low": {"a": {"dice": 0.1}, "b": {"dice": 0.9}},
        "one": {"a": {"dice": 0.7, "recall": 0.6}, "b": {}},
        "two": {"a": {"dice": 0.7}, "b": {"dice": 0.7}},
    }
    best, every = section(report_of(analyse(campaign(runs))), "Fragments and stability").tables
    assert best.table.rows == (
        ("a", "one", "0.7000", "0.6000", "–"),
        ("b", "low", "0.9000", "–", "–"),
    )
    assert every.table.rows == (
        ("low", "0.1000", "0.9000", "0.5000", "0.5657"),
        ("one", "0.7000", "–", "0.7000", "–"),
        ("two", "0.7000", "0.7000", "0.7000", "0.0000"),
    )


# ---- where it is from ----------------------------------------------------------------------


def linked_files(report):
    holders = [one for part in report.sections for one in (*part.tables, *part.figures)]
    return [one.files for one in holders if one is not section(report, "Tables").tables[0]]


def test_every_table_and_figure_has_the_files_that_it_is_made_from(report, written):
    linked = linked_files(report)
    assert all(linked)
    for files in linked:
        for name in files:
            assert rows_of(written, name), name
    # No table is written that nothing is made from.
    assert {name for files in linked for name in files} == {*report.tables}
    assert {path.name for path in written.iterdir()} == {
        *report.tables,
        "report.html",
        "report.md",
    }


def test_the_page_and_the_markdown_link_to_the_files_in_their_order(report, written, page):
    expected = [name for files in linked_files(report) for name in files]
    hrefs = [value for name, value in page.attributes if name == "href" and value[0] != "#"]
    assert hrefs == expected
    markdown = (written / "report.md").read_text(encoding="utf-8")
    lines = [line for line in markdown.splitlines() if line.startswith("Data: ")]
    assert [name for line in lines for name in re.findall(r"\]\((.*?)\)", line)] == expected


def test_figures_in_the_files_are_those_of_the_campaign(written, analysis):
    fragments = rows_of(written, "fragments.csv")
    for row in fragments:
        metrics = analysis.results.fragments[row["run_id"], row["fragment"]].metrics
        for name in ("density", "leaderboard_score", "recall"):
            assert row[name] == (repr(metrics[name]) if name in metrics else "")
    assert len(fragments) == 16
    assert len(rows_of(written, "slices.csv")) == 6 * 2 * DEPTH
    knobs = rows_of(written, "knobs.csv")
    assert sum(float(row["share"]) for row in knobs) == pytest.approx(1)
    gains = rows_of(written, "gains.csv")[0]
    assert (gains["gained_near"], gains["gained_scattered"]) == ("60", "10")


def test_what_was_won_and_lost_is_reported_kind_by_kind(report):
    part = section(report, "What was won and lost")
    scores = [score(mask, SHEETS).value for mask in (WITH_HOLE, WITH_ISLAND)]
    assert f"{scores[1] - scores[0]:+.6f} points on base" in part.paragraphs[0]
    kinds, costliest = part.tables
    titles = [part.title, kinds.table.title, costliest.table.title]
    assert len(set(titles)) == 3
    assert kinds.files == costliest.files == ("changes.csv",)
    assert {("mended", "hole"), ("new", "island")} <= {row[1:3] for row in costliest.table.rows}
    frame = report.tables["changes.csv"]
    assert frame["won_points"].sum() == pytest.approx(scores[1] - scores[0], abs=1e-9)
    assert frame.set_index("kind").loc["island", "new"] == 1


# ---- that it is safe -----------------------------------------------------------------------


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(page, written):
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in {"src", "href", "srcset", "action"}:
            inside = value.startswith(("data:image/svg+xml;base64,", "#section-"))
            assert inside or value in TABLE_NAMES
    html = (written / "report.html").read_text(encoding="utf-8")
    assert "url(" not in html
    assert "@import" not in html
    assert not any(part in html for part in ("http:", "https:"))


def test_every_figure_is_a_picture_with_words_for_who_cannot_see_it(page):
    assert len(page.images) == 8
    for image in page.images:
        assert len(image["alt"]) > 40
        svg = base64.b64decode(image["src"].partition(",")[2]).decode()
        root = ElementTree.parse(io.StringIO(svg)).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.findall(".//{http://www.w3.org/2000/svg}path")
        assert not root.findall(".//{http://www.w3.org/2000/svg}script")
        assert set(re.findall(r"https?://[^\s\"'<>]*", svg)) <= NAMESPACES


def test_what_users_have_named_is_text_and_nothing_else(page, written):
    html = (written / "report.html").read_text(encoding="utf-8")
    assert HOSTILE not in html
    assert f"Campaign {HOSTILE}" in page.text
    assert "b" not in page.tags
    markdown = (written / "report.md").read_text(encoding="utf-8")
    assert HOSTILE not in markdown
    assert "\\<script\\>" in markdown
    assert HOSTILE in {row["run_id"] for row in rows_of(written, "runs.csv")}


# ---- campaigns with little to say ---------------------------------------------------------


def test_the_same_campaign_gives_the_same_bytes(analysis, written, tmp_path):
    for path in write_report(report_of(analysis), tmp_path):
        assert path.read_bytes() == (written / path.name).read_bytes()


@pytest.mark.parametrize(
    "results",
    [
        campaign({}),
        campaign({"one": {"a": waiting("one", "a")}}),
        campaign({"one": {"a": {"density": 0.1}}, "two": {"a": {"density": 0.3}}}),
    ],
    ids=["no run", "nothing done", "no label"],
)
def test_a_campaign_with_little_to_tell_has_a_report(results, tmp_path):
    written = write_report(report_of(analyse(results)), tmp_path)
    assert written[0] == tmp_path / "report.html"
    text = Page(written[0].read_text(encoding="utf-8")).text
    assert "True gain or repeated structure" in text


def test_of_many_runs_the_first_are_shown_and_all_are_in_the_files():
    runs = {
        f"run-{run:02d}": {image_id: figures(run / 10, 0) for image_id in ("s1", "s2")}
        for run in range(40)
    }
    report = report_of(analyse(campaign(runs)))
    fragments = section(report, "Fragments and stability")
    of_runs = fragments.tables[-1].table
    assert len(of_runs.rows) == 30
    assert "first 30 of 40 runs" in of_runs.title
    assert "10 more are in the table" in fragments.figures[0].caption
    assert [row[0] for row in of_runs.rows] == [f"run-{run:02d}" for run in range(39, 9, -1)]
    assert "10 more are in the table" in section(report, "Runs").figures[0].caption
    assert len(report.tables["fragments.csv"]) == 80


def test_a_report_that_cannot_be_written_leaves_the_old_one(report, tmp_path):
    (tmp_path / "report.html").write_text("old")
    (tmp_path / "gains.csv").mkdir()
    with pytest.raises(WriteError, match=r"gains\.csv"):
        write_report(report, tmp_path)
    assert (tmp_path / "report.html").read_text() == "old"
    assert not (tmp_path / "runs.csv").exists()
    with pytest.raises(WriteError, match="expected a folder"):
        write_report(report, tmp_path / "report.html")
