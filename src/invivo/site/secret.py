"""The site's secret: whoever has it can follow the maps, and without it an object sent later maps to somebody else."""

import contextlib
import hashlib
import hmac
import os
import re
from pathlib import Path

from invivo.errors import Invalid

BYTES = 32
_FORM = re.compile(r"[0-9a-f]{64}")


class SecretMissing(Invalid):
    """The secret of earlier runs is not where it was."""

    code = "site.secret-missing"


class SecretUnreadable(Invalid):
    """The file does not hold a secret of ours."""

    code = "site.secret-unreadable"


def read_secret(path: Path, *, may_make: bool) -> bytes:
    """Read the secret, or make one for the first run.

    Parameters
    ----------
    path : Path
        File of 64 hexadecimal digits, readable by its owner only.
    may_make : bool
        Whether a missing one is made: only where nothing was de-identified with it yet.

    Returns
    -------
    bytes, 32

    Raises
    ------
    SecretMissing, SecretUnreadable
    """
    try:
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        if not may_make:
            raise SecretMissing(
                f"The secret {path} is missing, but earlier runs used it. Restore it from your backup; with another one "
                "the same patients would become other subjects. To begin anew on purpose, use a new destination."
            ) from None
        return _made(path)
    except (OSError, UnicodeDecodeError):
        raise SecretUnreadable(f"The secret {path} cannot be read; restore it from your backup.") from None
    if not _FORM.fullmatch(text):
        raise SecretUnreadable(f"{path} does not hold a secret (64 hexadecimal digits); restore it from your backup.")
    return bytes.fromhex(text)


def fingerprint(secret: bytes, project: str) -> str:
    """Sixteen digits by which two runs tell whether they have the same secret; they do not tell the secret."""
    return hmac.new(secret, b"invivo fingerprint\0" + project.encode(), hashlib.sha256).hexdigest()[:16]


def _made(path: Path) -> bytes:
    secret = os.urandom(BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secret.hex() + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
    return secret
