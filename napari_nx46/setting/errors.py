"""What is raised where a setting cannot be used."""

from __future__ import annotations

from reprlib import repr as short_repr

from pydantic import ValidationError


class SettingError(ValueError):
    """A setting, preset or setting file that cannot be used; the message lists every fault."""


def faults_of(error: ValidationError) -> str:
    """Return every fault in words: which knob, what is wrong, what was found."""
    faults = []
    for fault in error.errors(include_url=False):
        place = ".".join(str(part) for part in fault["loc"]) or "setting"
        given = f" (found {short_repr(fault['input'])})" if fault["loc"] else ""
        faults.append(f"{place}: {fault['msg']}{given}")
    return "; ".join(faults)
