"""Addresses on this machine: chosen once, remembered, and only on 127.0.0.1."""

import json
import secrets
import socket
from pathlib import Path
from typing import Any, Final

from journeyctl.errors import CannotRun
from journeyctl.processes import cannot

LOOPBACK = "127.0.0.1"
LISTENED_ON: Final = range(10_000, 32_768)
"""Below those that the system gives to connections that go out: one of these could take a port before its listener."""


def free_port() -> int:
    """Return a port that nobody uses at this moment."""
    while not port_is_free(port := secrets.choice(LISTENED_ON)):
        pass
    return port


def port_is_free(port: int) -> bool:
    """Return whether we could listen on a port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


class Remembered:
    """What a home keeps between runs: ports and the servers' passwords, in one file only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts: dict[str, Any] = {"ports": {}, "passwords": {}}
        if path.exists():
            try:
                self._facts |= json.loads(path.read_text())
            except ValueError:
                raise CannotRun(f"{path} is damaged; delete it to have new ports chosen.") from None

    def port(self, name: str, wanted: int | None = None) -> int:
        """Return the port of `name`: the wanted one, else that of the last run, else a free one.

        Raises CannotRun if the wanted one is busy. One from the last run that is busy now is replaced.
        """
        if wanted is not None:
            if not port_is_free(wanted):
                raise CannotRun(f"Port {wanted}, wanted for {name}, is in use by another program.")
            return wanted
        ports: dict[str, int] = self._facts["ports"]
        taken = {port for other, port in ports.items() if other != name}
        port = ports.get(name)
        while port is None or port in taken or not port_is_free(port):
            port = free_port()
        if ports.get(name) != port:
            ports[name] = port
            self._save()
        return port

    def password(self, name: str) -> str:
        """Return the password of `name`, made at the first call."""
        passwords: dict[str, str] = self._facts["passwords"]
        if name not in passwords:
            passwords[name] = secrets.token_urlsafe(24)
            self._save()
        return passwords[name]

    def _save(self) -> None:
        draft = self._path.with_suffix(".new")
        try:
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(self._facts, indent=2))
            draft.replace(self._path)
        except OSError as error:
            raise cannot(f"write {self._path}", error) from error
