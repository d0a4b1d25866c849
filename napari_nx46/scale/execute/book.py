"""What is done of a plan, what has to be computed next, and what is decided between stages."""

from __future__ import annotations

from collections.abc import Mapping

from napari_nx46.files.mask_store.layout import Index
from napari_nx46.scale.execute.inputs import TileJob
from napari_nx46.scale.execute.ledger import End, Ledger, TileRecord
from napari_nx46.scale.execute.stages import background_tiles, level_tasks, pass_tasks
from napari_nx46.scale.execute.tasks import TileTask
from napari_nx46.scale.stages import Labelling, Pass
from napari_nx46.voxels.blocks import Block
from napari_nx46.voxels.merging import merge_pieces
from napari_nx46.voxels.pieces import TilePieces, uniform_pieces

__all__ = ["StageBook"]


class StageBook:
    """The stages of a plan, as its ledger has them.

    Parameters
    ----------
    job : TileJob
    ledger : Ledger
    present : mapping of int to Block
        The tiles that the first pass has to compute, those whose volumes have any chunk; of each
        the box that it has voxels in.
    alone : bool
        Whether no other process reads the same scratch; else layers stay until the end.
    """

    def __init__(
        self, job: TileJob, ledger: Ledger, present: Mapping[int, Block], *, alone: bool = True
    ) -> None:
        self._job = job
        self._plan = job.plan
        self._ledger = ledger
        self._present = present
        self._alone = alone
        self._repair()

    # ---- what has to be computed -----------------------------------------------------------

    def tasks(self, stage: int) -> list[TileTask]:
        """Return all tasks of a stage, whoever computes them; those before must be settled."""
        plan = self._plan
        level = plan.level_of(stage)
        if level is not None:
            return level_tasks(plan, stage, self._chunks(level - 1))
        part = plan.passes[stage]
        if part.reads is None:
            tasks = [TileTask(stage, tile, part=box) for tile, box in self._present.items()]
        else:
            tasks = pass_tasks(plan, part, self._foreground(part.reads), self._filled(part))
        if part.writes is None:
            more = plan.corrections.tiles_added_to(plan.grid) - {task.number for task in tasks}
            tasks += [TileTask(stage, tile, by_hand=True) for tile in sorted(more)]
        return tasks

    def done(self, stage: int) -> set[int]:
        """Return the numbers of the tasks of a stage whose results are all there."""
        return {
            tile for tile, record in self._ledger.records(stage) if not self._lacks(tile, record)
        }

    def _lacks(self, tile: int, record: TileRecord) -> bool:
        """Return whether a file of a tile is gone that a later stage has still to read."""
        return self._job.scratch.missing(self._needed(record), tile) is not None

    def _needed(self, record: TileRecord) -> dict[str, tuple[int, str]]:
        """Return the files of a tile that a later stage has still to read."""
        return {
            kind: file
            for kind, file in record.files.items()
            if not self.is_settled(self._last_reader(kind))
        }

    def _last_reader(self, kind: str) -> int:
        """Return the last pass that reads a kind of files."""
        room, _, name = kind.partition("/")
        readers = [
            part.number
            for part in self._plan.passes
            if (room == "layers" and part.reads == name)
            or (name == "sheets" and part.parts is not None)
            or (room == "pieces" and part.decides is not None and part.decides.name == name)
        ]
        return max(readers, default=0)

    def _foreground(self, layer: str) -> dict[int, tuple[End, ...] | None]:
        """Return the tiles of a layer that have foreground, and within whose ends they have it."""
        writer = next(one for one in self._plan.passes if one.writes == layer)
        kind = f"layers/{layer}"
        records = self._ledger.records(writer.number)
        return {tile: one.ends for tile, one in records if kind in one.files}

    def _filled(self, part: Pass) -> set[int]:
        """Return the tiles without a file of pieces that are background to be filled."""
        if part.decides is None or not part.decides.rule.background:
            return set()
        known = self._labelled(part.decides)
        changing = self._job.scratch.changing(part.decides.name)
        return {tile for tile in changing if tile not in known}

    def _labelled(self, labelling: Labelling) -> set[int]:
        """Return the tiles that have a file of pieces."""
        kind = f"pieces/{labelling.name}"
        writers = (one for one in self._plan.passes if labelling in one.labellings)
        return {
            tile
            for one in writers
            for tile, record in self._ledger.records(one.number)
            if kind in record.files
        }

    def _chunks(self, level: int) -> set[Index]:
        """Return the chunks of a level that have foreground."""
        plan = self._plan
        by_tiles = len(plan.passes) - 1 if level < plan.levels_with_tiles else None
        writers = (
            stage
            for stage in range(len(plan.stage_names))
            if stage == by_tiles or plan.level_of(stage) == level
        )
        return {
            chunk.index
            for stage in writers
            for _, record in self._ledger.records(stage)
            for chunk in record.chunks
            if chunk.level == level
        }

    def _repair(self) -> None:
        """Have stages done again whose files are gone although a later stage has to read them.

        Going back from the last pass, as what such a stage reads may have been removed since.
        """
        for part in reversed(self._plan.passes):
            stage = part.number
            records = self._ledger.records(stage) if self.is_settled(stage) else ()
            if any(self._lacks(tile, record) for tile, record in records):
                self._ledger.drop(_settled(stage))

    # ---- between stages --------------------------------------------------------------------

    def is_settled(self, stage: int) -> bool:
        """Return whether a stage is done, and what it found decided on."""
        return self._ledger.fact(_settled(stage)) is not None

    def settle(self, stage: int) -> None:
        """Decide on the pieces that a stage found, and remove what nobody reads any more."""
        if self.is_settled(stage):
            return
        if stage < len(self._plan.passes):
            part = self._plan.passes[stage]
            for labelling in part.labellings:
                self._decide(labelling)
            self._ledger.keep(_settled(stage), "yes")
            if part.reads is not None and self._alone:
                self._job.scratch.remove_layer(part.reads)
        else:
            self._ledger.keep(_settled(stage), "yes")

    def _decide(self, labelling: Labelling) -> None:
        grid, scratch, rule = self._plan.grid, self._job.scratch, labelling.rule
        known = self._labelled(labelling)
        more = background_tiles(grid, rule, known) if rule.background else {}
        if more is None:
            absent = (tile for tile in range(len(grid)) if tile not in known)
            more = {
                tile: uniform_pieces(rule, False, grid.block(tile), grid.shape) for tile in absent
            }
        uniform = more

        def load(tile: int) -> TilePieces:
            found = uniform.get(tile)
            return scratch.pieces(labelling.name, tile) if found is None else found

        decisions = merge_pieces(rule, grid, [*known, *uniform], load)
        scratch.write_decisions(labelling.name, decisions)


def _settled(stage: int) -> str:
    return f"settled {stage}"
