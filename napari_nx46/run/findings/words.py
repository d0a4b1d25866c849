"""Findings in words."""

from __future__ import annotations

from collections.abc import Mapping

from napari_nx46.setting import CLEAN_UP_GROUPS, Group, Setting, described_knobs

__all__ = ["THE_QUESTIONS", "what_matters"]

THE_QUESTIONS: Mapping[str, str] = {
    "compromise": "The best compromise of recall and precision, by fragment?",
    "matters": "Which matters most: threshold, fusion or post-processing?",
    "fall": "From which density on does precision fall?",
    "gained": "Is what was gained surface, or repeated artefacts?",
    "band": "Which threshold brings the density into the band?",
    "blend": "Is the weight of p3d too high or too low?",
    "slices": "In which slices is most recall lost?",
}
"""What an expert asks before a last run, in the order in which it is answered."""


def what_matters(shares: Mapping[str, float], of: str) -> str | None:
    """Return which kind of knobs has which share of something, as a sentence.

    Parameters
    ----------
    shares : mapping of str to float
        By knob, or by several joined with " + ", which count with the first.
    of : str
        What the shares are of.

    Returns
    -------
    str or None
        None without any share.

    Examples
    --------
    >>> what_matters({"quantile": 0.5, "blend": 0.3, "closing_z": 0.2}, "importance")
    'threshold 50 %, fusion 30 %, post-processing 20 % of the importance; of knobs quantile, 50 %.'
    """
    if not shares:
        return None
    kinds = {"threshold": 0.0, "fusion": 0.0, "post-processing": 0.0}
    described = described_knobs(Setting)
    for name, share in shares.items():
        knob = described.get(name.partition(" + ")[0])
        group = Group.THRESHOLD if knob is None else knob.group  # the block is no described knob
        if group in CLEAN_UP_GROUPS:
            kinds["post-processing"] += share
        elif group in (Group.THRESHOLD, Group.ADAPTIVE):
            kinds["threshold"] += share
        else:
            kinds["fusion"] += share
    ranked = sorted(kinds.items(), key=lambda pair: -pair[1])
    words = ", ".join(f"{kind} {100 * share:.0f} %" for kind, share in ranked)
    first = max(shares, key=lambda name: shares[name])
    return f"{words} of the {of}; of knobs {first}, {100 * shares[first]:.0f} %."
