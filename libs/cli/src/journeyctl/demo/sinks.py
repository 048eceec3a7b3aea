"""The receivers of the demo: a real SMTP server and a real HTTP receiver that keep what arrives."""

import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Final, Self

from journeyctl.errors import CannotRun
from journeyctl.health import listens
from journeyctl.ports import LOOPBACK, free_port
from journeyctl.processes import Child, ProcessHome, make_folder

SENDER: Final = "store@cairn.example"
_SECRET: Final = "whsec_ZGVtbyBzZWNyZXQgb2YgdGhlIHdlYmhvb2sgc2luaw=="  # noqa: S105  (of a receiver that lives for a demo)
_START_TIMEOUT_S: Final = 30.0


class Sinks:
    """Both receivers as processes of their own. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.smtp = f"{LOOPBACK}:{free_port()}"
        self.mail_http = f"{LOOPBACK}:{free_port()}"
        self.hooks_http = f"{LOOPBACK}:{free_port()}"
        self._processes = ProcessHome(folder)
        self._children: list[Child] = []

    @property
    def environment(self) -> dict[str, str]:
        """What connectors are told to reach these receivers."""
        return {
            "CAIRN_SMTP_ADDRESS": self.smtp,
            "CAIRN_SMTP_QUERY_URL": f"http://{self.mail_http}/messages",
            "CAIRN_SMTP_SENDER": SENDER,
            "CAIRN_WEBHOOK_URL": f"http://{self.hooks_http}/hooks",
            "CAIRN_WEBHOOK_SECRET": _SECRET,
            "CAIRN_WEBHOOK_QUERY_URL": f"http://{self.hooks_http}/messages",
        }

    def mails(self) -> Counter[str]:
        """Delivery ids of the e-mails that arrived, each with how many times."""
        ids = self._arrived("mail.sqlite")
        return Counter({message_id.strip("<>").partition("@")[0]: times for message_id, times in ids.items()})

    def calls(self) -> Counter[str]:
        """Delivery ids of the webhook calls that arrived, each with how many times."""
        return self._arrived("hooks.sqlite")

    def __enter__(self) -> Self:
        make_folder(self.folder)
        self._processes.__enter__()
        try:
            self._start("mail", "--smtp", self.smtp, "--http", self.mail_http)
            self._start("hooks", "--http", self.hooks_http, "--secret", _SECRET)
            for address in (self.smtp, self.mail_http, self.hooks_http):
                self._await(address)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        for child in reversed(self._children):
            child.stop()
        self._processes.__exit__()

    def _start(self, name: str, *options: str) -> None:
        command = [sys.executable, "-P", "-m", f"journeyctl.sinks.{name}", *options, "--folder", str(self.folder)]
        self._children.append(self._processes.spawn(name, command, log=self.folder / f"{name}.log"))

    def _await(self, address: str) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not listens(address):
            ended = [child for child in self._children if not child.running]
            if ended:
                raise CannotRun(f"The {ended[0].name} receiver did not start: {ended[0].last_words()}.")
            if time.monotonic() > deadline:
                raise CannotRun(f"Nobody listens at {address} after {_START_TIMEOUT_S:.0f} s.")
            time.sleep(0.05)

    def _arrived(self, file: str) -> Counter[str]:
        with closing(sqlite3.connect(f"file:{self.folder / file}?mode=ro", uri=True)) as database:
            return Counter(dict(database.execute("SELECT id, count(*) FROM arrivals GROUP BY id")))
