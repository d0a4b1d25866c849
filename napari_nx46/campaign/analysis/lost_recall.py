"""The slices where most recall is lost."""

from __future__ import annotations

from dataclasses import dataclass

from napari_nx46.campaign.records.results import CampaignResults

__all__ = ["LostSlice", "lost_slices"]


@dataclass(frozen=True, slots=True)
class LostSlice:
    """A slice that misses surface voxels.

    Parameters
    ----------
    run_id, image_id : str
    z : int
    recall_loss : float
        Surface voxels that it misses, as a share of all surface voxels of the fragment.
    share_of_loss : float
        The same as a share of what all slices of the fragment miss.
    """

    run_id: str
    image_id: str
    z: int
    recall_loss: float
    share_of_loss: float


def lost_slices(results: CampaignResults, run_id: str, most: int = 5) -> tuple[LostSlice, ...]:
    """Return of every labelled fragment the slices where a run loses most recall.

    Parameters
    ----------
    results : CampaignResults
    run_id : str
    most : int
        Slices a fragment, at most; slices that lose nothing are left out.

    Returns
    -------
    tuple of LostSlice
        Fragment by fragment, the largest loss first, equal ones in ascending z.
    """
    found: list[LostSlice] = []
    for fragment in results.of_run(run_id):
        losses = {
            one.z: one.figures["recall_loss"]
            for one in fragment.slices
            if one.figures.get("recall_loss", 0.0) > 0
        }
        whole = sum(losses.values())
        worst = sorted(losses, key=lambda z: (-losses[z], z))[:most]
        found += [
            LostSlice(run_id, fragment.image_id, z, losses[z], losses[z] / whole) for z in worst
        ]
    return tuple(found)
