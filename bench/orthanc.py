"""Orthanc as Debian packages it, with its DICOMweb plugin, as a server to measure."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from bench.loads import Load
from bench.server import await_answer, end, free_port, tree_of
from bench.wire import counted, get

INSTALL = "apt install orthanc orthanc-dicomweb dcmtk"
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def program() -> str | None:
    """Return where Orthanc is, None where it or its plugin is not installed."""
    found = shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return found if found and PLUGIN.exists() else None


def version() -> str:
    """Return what Orthanc calls itself."""
    told = subprocess.run([program() or "Orthanc", "--version"], capture_output=True, text=True, check=False).stdout
    return Path(" ".join(told.split("\n")[0].split()[:2])).name


class Orthanc:
    """A new Orthanc in a folder of its own.

    It syncs the files that it writes, as it does when installed. Nothing else is changed from its defaults but doors and
    folders, and that TCP_NODELAY is set, without which it takes twenty objects a second.
    """

    name, aet = "Orthanc", "ORTHANC"

    def __init__(self, home: Path, destination: int) -> None:
        self.home, self.http, self.dimse = home, free_port(), free_port()
        self.headers: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        home.mkdir(parents=True)
        self._written = home / "orthanc.json"
        self._written.write_text(json.dumps(self._settings(destination), indent=1), "utf-8")

    def _settings(self, destination: int) -> dict[str, object]:
        return {
            "Name": "bench",
            "StorageDirectory": str(self.home / "storage"),
            "IndexDirectory": str(self.home / "index"),
            "SyncStorageArea": True,
            "HttpPort": self.http,
            "DicomPort": self.dimse,
            "DicomAet": self.aet,
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomModalities": {"BENCH": ["BENCH", "127.0.0.1", destination]},
            "Plugins": [str(PLUGIN)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }

    def start(self) -> float:
        """Serve; return the seconds until the web door answered."""
        began = time.perf_counter()
        path = self.home / "serve.log"
        with path.open("ab") as log:
            self._process = subprocess.Popen(
                [program() or "Orthanc", str(self._written)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "TCP_NODELAY": "1"},
            )
        await_answer(self._process, self.http, "/system", path)
        return time.perf_counter() - began

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def pids(self) -> list[int]:
        """Return its process."""
        return tree_of(self._process.pid) if self._process else []

    def found(self, load: Load) -> int:
        """Return how many instances of a load QIDO finds."""
        return counted(self.http, f"PatientID={load.prefix}*")

    def package(self, study_uid: str) -> str:
        """Return the address of a study as ZIP, by the name that Orthanc has for the study."""
        rows = json.loads(get(self.http, f"/dicom-web/studies?StudyInstanceUID={study_uid}"))
        patient = rows[0]["00100020"]["Value"][0]
        digest = hashlib.sha1(f"{patient}|{study_uid}".encode()).hexdigest()
        return "/studies/" + "-".join(digest[start : start + 8] for start in range(0, 40, 8)) + "/archive"
