"""What the dock of campaigns says."""

from __future__ import annotations

from napari_nx46.campaign.execute.background import CampaignTable
from napari_nx46.campaign.execute.ledger import CampaignProgress
from napari_nx46.campaign.plan.preflight import CampaignPreflight
from napari_nx46.campaign.records.listing import CampaignRow
from napari_nx46.files.naming import plural, printable

NO_CAMPAIGN = (
    "No campaign yet. Choose what to run above: every setting is applied to every fragment, and"
    " its runs appear here as they are done."
)
MOST_FAULTS_SHOWN = 5
SECONDS_IN_MINUTE = 60
BYTES_IN_MEBIBYTE = 1 << 20


def title_words(table: CampaignTable) -> str:
    """Return what a campaign is called; where there is none, what to do."""
    if table.campaign_id is None:
        return NO_CAMPAIGN
    return f"Campaign {table.campaign_id}: {printable(table.name)}"


def verdict_words(row: CampaignRow) -> str:
    """Return what became of a run, and why."""
    verdict = row.verdict
    lines = [f"{printable(row.run.run_id)} is {verdict.decision.value}:", *verdict.reasons]
    return "\n".join(lines)


def progress_words(progress: CampaignProgress) -> str:
    """Return how far a campaign is."""
    words = f"{progress.done} of {progress.total} done, {progress.running} running"
    if progress.failed:
        words += f", {progress.failed} failed"
    if progress.seconds_left is not None and progress.waiting + progress.running:
        words += f", about {duration_words(progress.seconds_left)} left"
    return words


def preflight_words(found: CampaignPreflight) -> str:
    """Return what a campaign would run and cost, or what keeps it from running."""
    lines = [
        f"{found.name}: {plural(found.run_count, 'run')} on"
        f" {plural(found.fragment_count, 'fragment')}, {plural(found.task_count, 'task')}."
    ]
    if found.seconds is not None:
        lines.append(
            f"About {duration_words(found.seconds)}, {_mebibytes(found.memory_bytes)} of memory"
            f" at a time, {_mebibytes(found.disk_bytes)} on the disk."
        )
    lines += [printable(note) for note in found.notes]
    lines += [printable(fault) for fault in found.faults[:MOST_FAULTS_SHOWN]]
    more = len(found.faults) - MOST_FAULTS_SHOWN
    return "\n".join([*lines, f"and {more} more faults"] if more > 0 else lines)


def duration_words(seconds: float) -> str:
    """Return a duration in minutes and seconds."""
    minutes, rest = divmod(max(1, round(seconds)), SECONDS_IN_MINUTE)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _mebibytes(count: int) -> str:
    return f"{max(1, round(count / BYTES_IN_MEBIBYTE)):,} MiB"
