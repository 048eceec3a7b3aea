"""Child processes that end with their owner, however it ends, and never twice in one home."""

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

import psutil

from journeyctl.errors import CannotRun

# Waits until its owner is gone (end of file on stdin), then signals every process still on record.
_SENTINEL = """
cat >/dev/null
for record in "$1"/*.pid; do
    read -r signal pid created <"$record" || continue
    kill -CONT "$pid"; kill -"$signal" "$pid"
done
"""


class Child:
    """A process we started. All methods may be called at any time, also when it has ended."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", record: Path, log: Path, stop_with: int) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._record = record
        self._stop_with = stop_with

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code (negative: the signal that ended it); None while it runs."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        """Whether it has not ended; a suspended process counts as running."""
        return self.exit_code is None

    def stop(self, timeout_s: float = 15.0) -> None:
        """Ask it to end; kill it if it has not after `timeout_s`."""
        if self.running:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(self._stop_with)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self.reap()

    def kill(self) -> None:
        """End it at once with SIGKILL, as a crash would."""
        if self.running:
            self._process.kill()
        self.reap()

    def suspend(self) -> None:
        """Stop it in its tracks (SIGSTOP), as a long pause of its machine would."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a suspended process go on (SIGCONT)."""
        self._process.send_signal(signal.SIGCONT)

    def reap(self) -> None:
        """Wait for its end and take it off the record."""
        self._process.wait()
        self._record.unlink(missing_ok=True)

    def last_words(self) -> str:
        """Return the last non-empty line of its log, or an empty text."""
        return last_line(self.log)


class ProcessHome:
    """The processes of one home folder. One owner at a time; what a crashed owner left behind is ended first.

    Raises CannotRun if another owner is alive.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._records = home / "run"
        self._lock: IO[str] | None = None
        self._sentinel: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        make_folder(self.home)
        make_folder(self._records)
        lock = (self.home / "owner.pid").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise CannotRun(f"Cairn runs in {self.home} already (process {owner_of(self.home)}).") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock
        self._end_leftovers()
        self._sentinel = subprocess.Popen(
            ["/bin/sh", "-c", _SENTINEL, "cairn-sentinel", str(self._records)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._sentinel is not None and self._sentinel.stdin is not None:
            self._sentinel.stdin.close()
            self._sentinel.wait()
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.close()

    def spawn(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        stop_with: int = signal.SIGTERM,
        user_id: int | None = None,
    ) -> Child:
        """Start a process in a session of its own; its output is appended to `log`."""
        try:
            with log.open("ab") as output:
                process = subprocess.Popen(
                    [str(part) for part in command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=None if environment is None else dict(environment),
                    start_new_session=True,
                    user=user_id,
                    group=user_id,
                    extra_groups=None if user_id is None else [],
                )
            record = self._records / f"{name}.pid"
            created = psutil.Process(process.pid).create_time()
            record.write_text(f"{signal.Signals(stop_with).name.removeprefix('SIG')} {process.pid} {created}\n")
        except OSError as error:
            raise cannot(f"start {name}", error) from error
        return Child(name, process, record, log, stop_with)

    def _end_leftovers(self) -> None:
        leftovers = []
        for record in sorted(self._records.glob("*.pid")):
            with contextlib.suppress(ValueError, psutil.Error):
                name, pid, created = record.read_text().split()
                process = psutil.Process(int(pid))
                if abs(process.create_time() - float(created)) < 1.0:
                    process.resume()
                    process.send_signal(signal.Signals[f"SIG{name}"])
                    leftovers.append(process)
            record.unlink(missing_ok=True)
        _, alive = psutil.wait_procs(leftovers, timeout=10.0)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=5.0)


def owner_of(home: Path) -> int | None:
    """Return the process id of the live owner of a home, or None."""
    try:
        with (home / "owner.pid").open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(lock.read() or 0) or None
    except OSError:
        pass
    return None


def make_folder(path: Path) -> None:
    """Create a folder with its parents, or say in a sentence why that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot(f"create {path}", error) from error


def cannot(what: str, error: OSError) -> CannotRun:
    """Turn an operating system error into a sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CannotRun(f"Cannot {what}: the disk is full.")
    return CannotRun(f"Cannot {what}: {error.strerror or type(error).__name__}.")


def last_line(log: Path) -> str:
    """Return the last line of a file that says something (frames drawn around it do not), or an empty text."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip(" |+-") for line in reversed(lines) if any(map(str.isalnum, line))), "")
