"""The description at the package index: README.md, whose links lead to the repository."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


def described(readme: str, source: str | None) -> str:
    """Return the text with links that hold outside of the repository, if it has an address."""
    if source is None:
        return readme

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link[1].endswith(".png") else "blob"
        return f"]({source}/{kind}/HEAD/{link[1]}"

    return LINK.sub(absolute, readme)


urls = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
setup(
    long_description=described((HERE / "README.md").read_text("utf-8"), urls.get("Source")),
    long_description_content_type="text/markdown",
)
