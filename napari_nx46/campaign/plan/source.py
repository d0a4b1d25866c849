"""Where a campaign's data are: a value that travels to workers and into the workspace."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue

from napari_nx46.data.fragments import DataSet, FolderNames, Place, open_readable, place_of
from napari_nx46.files.volumes.opening import Logits, ReadAs

__all__ = ["DataSource"]


class DataSource(BaseModel):
    """What is opened; every worker opens it on its own, so that no volume ever travels.

    Parameters
    ----------
    paths : tuple of str
        As of `fragments.open_data`, absolute, or of stores as `StorePlace` writes them: workers may
        run in another folder, or on another machine that sees the same files.
    folders : FolderNames
        Of a data folder.
    channel : int, optional
        Of probability volumes that have several.
    logits : Logits, optional
        How their values become probabilities, if they are logits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    paths: tuple[str, ...]
    folders: FolderNames = FolderNames()
    channel: int | None = None
    logits: Logits | None = None

    @classmethod
    def of(
        cls,
        *paths: str | Place,
        folders: FolderNames | None = None,
        read_as: ReadAs | None = None,
    ) -> DataSource:
        """Return the source of paths, made absolute."""
        absolute = tuple(str(place_of(path).absolute()) for path in paths)
        read_as = read_as or ReadAs()
        return cls(
            paths=absolute,
            folders=folders or FolderNames(),
            channel=read_as.channel,
            logits=read_as.logits,
        )

    @property
    def read_as(self) -> ReadAs:
        """What is read of probability volumes."""
        return ReadAs(self.channel, self.logits)

    @property
    def reported(self) -> str:
        """The paths, as words."""
        return ", ".join(self.paths)

    def opened(self) -> tuple[DataSet, dict[str, str]]:
        """Open what can be opened, and say what is wrong with the rest, by image_id.

        Raises
        ------
        FragmentError, VolumeError
            As `fragments.open_readable`.
        """
        return open_readable(
            *self.paths, folders=self.folders, channel=self.channel, logits=self.logits
        )

    def as_json(self) -> dict[str, JsonValue]:
        """Return the source as a JSON object, from which `model_validate` makes it again."""
        value: dict[str, JsonValue] = self.model_dump(mode="json")
        return value
