"""The last steps of a plan: everything is checked, then the image gets its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import numpy as np

from napari_nx46.files.atomic import write_beside
from napari_nx46.files.corrections import write_corrections
from napari_nx46.files.mask_store.chunks import ChunkHash
from napari_nx46.files.mask_store.writing import check_image, replace_folder, write_metadata
from napari_nx46.scale.execute.inputs import TileJob
from napari_nx46.scale.execute.ledger import Ledger
from napari_nx46.scale.plan.corrections import corrections_path
from napari_nx46.scale.plan.errors import ApplyError
from napari_nx46.scale.plan.plan import ApplyPlan
from napari_nx46.scale.results.receipt import make_receipt, read_receipt
from napari_nx46.voxels.workers import CancelCheck, Cancelled

__all__ = ["finish", "is_finished"]


def is_finished(plan: ApplyPlan) -> bool:
    """Return whether the image of this very plan is there already, with its receipt."""
    if not plan.out.is_dir():
        return False
    try:
        receipt = read_receipt(plan.receipt)
    except (FileNotFoundError, ApplyError):
        return False
    return receipt.plan == plan.json_record()


def finish(
    plan: ApplyPlan, job: TileJob, ledger: Ledger, present: Collection[int], cancelled: CancelCheck
) -> None:
    """Check what was written, write metadata and receipt, and give the image its name.

    Parameters
    ----------
    plan : ApplyPlan
    job : TileJob
    ledger : Ledger
        Of which all stages are done.
    present : collection of int
        The tiles whose volumes have any chunk.
    cancelled : callable

    Raises
    ------
    WriteError
        If a chunk does not read back as it was written, or the disk is full.
    Cancelled
        If `cancelled` returned True; the image has not got its name then.
    """
    slices = np.zeros(plan.shape[0], np.int64)
    counts: Counter[str] = Counter(
        {"voxels": int(np.prod(plan.shape, dtype=np.int64)), "tiles": len(plan.grid)}
    )
    counts["tiles with chunks"] = len(present)
    chunks: list[ChunkHash] = []
    for stage in range(len(plan.stage_names)):
        for tile, record in ledger.records(stage):
            counts.update(record.counts)
            chunks += record.chunks
            if record.slices:
                z = plan.grid.block(tile)[0]
                slices[z] += record.slices
        if cancelled():
            raise Cancelled
    counts["chunks written"] = len(chunks)
    counts["bytes written"] = sum(chunk.size for chunk in chunks)
    labellings = (one for part in plan.passes for one in part.labellings)
    names = {one.name for one in labellings if not one.rule.background}
    objects = {name: job.scratch.components(name) for name in sorted(names)}
    receipt = make_receipt(
        *(plan, job.threshold, job.measured, counts, objects), slices.tolist(), chunks
    )
    write_metadata(
        job.files,
        {
            "receipt": plan.receipt.name,
            "setting": plan.setting.model_dump(mode="json"),
            "state": "complete",
            "sha256": receipt.sha256,
        },
    )
    check_image(job.files, chunks, cancelled)
    corrected = corrections_path(plan.out)
    if plan.corrections.by_fragment:
        write_corrections(corrected, plan.corrections.by_fragment)
    else:
        corrected.unlink(missing_ok=True)  # those of an image that is replaced
    with write_beside(plan.receipt) as partial:
        partial.write_text(receipt.model_dump_json(indent=2) + "\n", "utf-8")
    replace_folder(plan.partial, plan.out)
