"""The settings of NX46 and NX47."""

from __future__ import annotations

from napari_nx46.setting.choices import ThresholdRule
from napari_nx46.setting.published.preset import PublishedPreset
from napari_nx46.setting.published.tables import SEEDS

__all__ = ["NX_PRESETS"]

_NX46 = "NX46 V7.5's programs and campaign"
_MASK_OF_ALL_SLICES = "0.303 public with one mask for all slices"


def _nx46_run(number: int, quantile: float, blend: float) -> PublishedPreset:
    return PublishedPreset(
        f"nx46-v7.5-run-{number:02d}",
        f"Run {number} of NX46 V7.5's campaign; its mean over slices is centred here.",
        {**SEEDS, "quantile": quantile, "blend": blend},
        source=_NX46,
        reported="none for a single run",
    )


_NX46_CAMPAIGN = tuple((q, w) for q in (0.970, 0.972, 0.974, 0.976, 0.978) for w in (0.68, 0.72))

NX_PRESETS: tuple[PublishedPreset, ...] = (
    PublishedPreset(
        "nx46-v7.5",
        "NX46 V7.5; its mean over slices is centred here, and every slice has its own mask.",
        {**SEEDS, "quantile": 0.985, "blend": 0.78},
        source=_NX46,
        reported=_MASK_OF_ALL_SLICES,
    ),
    *(
        _nx46_run(number, quantile, blend)
        for number, (quantile, blend) in enumerate(_NX46_CAMPAIGN, start=1)
    ),
    PublishedPreset(
        "nx47-v61.2",
        "NX47 V61.2: a pair of percentiles for each slice, joined by connectivity here; it kept"
        " the lower half of the band.",
        {**SEEDS, "rule": ThresholdRule.ADAPTIVE},
        source="NX47 V61.2's program",
        reported="0.387 public, with its fusion the wrong way round",
    ),
)
"""NX46 V7.5, the ten runs of its campaign, and NX47 V61.2."""
