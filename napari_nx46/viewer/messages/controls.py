"""Messages of the rooms that window and command share, in the words of the window.

Such a message names what to change by the flag of a command. Here each flag has its control in
the window, or the command that it is of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from napari_nx46.setting import Setting, described_knobs

__all__ = ["CONTROLS", "OF_COMMANDS", "in_window"]

CONTROLS: Mapping[str, str] = {
    "--restart": "press Begin again",
    "--logits": "Reading",
    "--logits sigmoid": "Reading: Logits, by sigmoid",
    "--logits softmax": "Reading: Logits, by softmax",
    "--logits distance": "Reading: Signed distances",
    "--channel": "Reading",
    "--level": "Level in the dock Scroll",
    "--box": "on the map in the dock Scroll",
    "--ct STORE": "a store as CT",
    "--memory": "Memory in the preferences",
    "--work FILE": "another file as Workspace",
    "--data DATA": "its data opened",
}

OF_COMMANDS: Mapping[str, str] = {
    "--tile": "nx46 apply",
    "--part": "nx46 apply",
    "--quantile-over": "nx46 apply",
    "--ct-above": "nx46 apply",
    "--submission": "nx46 apply",
    "--chunk": "nx46 seams",
    "--signed": "the nx46 commands",
    "--absent-on-403": "the nx46 commands",
    "--fragment": "nx46 compare",
    "--baseline": "nx46 runs",
    "--out": "nx46 suggest",
    "--grid": "nx46 campaign",
    "--vary": "nx46 campaign",
    "--objective": "nx46 campaign",
}
"""Flags without a control, and whose they are."""

_FLAG = re.compile(
    r"(?P<command>nx46 [^`'\"\n]*)"
    r"|(?:(?:give|use) (?=--restart))?(?<![\w/.-])(?P<flag>--[a-z][a-z0-9-]*)(?P<value> \w+)?"
)


def in_window(text: str) -> str:
    """Return a message with the controls of the window in place of flags.

    Commands that a message quotes, ``nx46 ...`` up to a quote or the end of the line, stay.

    Examples
    --------
    >>> in_window("found another plan; give --restart")
    'found another plan; press Begin again'
    """
    return _FLAG.sub(_replaced, text) if "--" in text else text


def _replaced(found: re.Match[str]) -> str:
    flag, value = found["flag"], found["value"] or ""
    if flag is None:
        return found[0]
    if flag + value in CONTROLS:
        return CONTROLS[flag + value]
    if flag in CONTROLS:
        return CONTROLS[flag] + value
    if flag in OF_COMMANDS:
        return f"{flag} of {OF_COMMANDS[flag]}{value}"
    knob = described_knobs(Setting).get(flag.removeprefix("--").replace("-", "_"))
    return found[0] if knob is None else f"“{knob.title}”{value}"
