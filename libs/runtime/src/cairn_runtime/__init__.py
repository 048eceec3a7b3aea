"""The machine that every service is: a chassis around a processor."""

from cairn_runtime.chassis import Chassis, main, open_chassis
from cairn_runtime.definitions import Definitions
from cairn_runtime.profiles import Change, ProfileDomain, ProfileProcessor
from cairn_runtime.runner import Processor, Runner
from cairn_runtime.settings import Settings
from cairn_runtime.snapshots import Snapshots

__all__ = [
    "Change",
    "Chassis",
    "Definitions",
    "Processor",
    "ProfileDomain",
    "ProfileProcessor",
    "Runner",
    "Settings",
    "Snapshots",
    "main",
    "open_chassis",
]
