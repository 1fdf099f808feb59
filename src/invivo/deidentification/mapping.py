"""From what a thing is called at the site to what it is called in the archive; one way without the secret."""

import base64
import hashlib
import hmac
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import TypeVar

from invivo import dicom
from invivo.errors import Invalid

V = TypeVar("V")
SHORTEST_SECRET_BYTES = 16
LONGEST_PREFIX = 40
NO_PATIENT_ID = "no patient id"  # the issuer where a name or a study stands in for the id
EARLIEST_SHIFT_DAYS, LATEST_SHIFT_DAYS = -3650, -365


class UnusableMapping(Invalid):
    """The secret is too short, or the prefix of the subjects' labels cannot be written into an object."""

    code = "deidentification.unusable-mapping"


class NotInLookup(Invalid):
    """A lookup table that must know everything does not know this value: the object may not pass."""

    code = "deidentification.not-in-lookup"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Mapping:
    """Keyed one-way maps of UIDs, subjects and dates for one project; printing it shows nothing.

    Parameters
    ----------
    secret : bytes, at least 16
        Whoever has it can follow the maps. The same secret and project always give the same maps.
    subject_prefix : str
        Begins every subject's label; ASCII, at most 40 characters, no backslash, caret or control character.
    project : str
        Keeps the maps of two projects with one secret apart.
    subjects, uids : mapping of str to str, optional
        Lookup tables that go before the keyed maps: patient id to label, UID to UID.
    offsets : mapping of str to int, days, optional
        Patient id to the shift of the patient's dates.
    complete : bool
        Whether ``subjects`` and ``offsets``, where given, must know every patient.
    attributes : mapping of str to mapping of str to str, optional
        Patient id to attributes (keywords) and the texts that are written into the patient's objects: a trial's subject
        or site.
    by_issuer : bool
        Whether the same patient id under another issuer is another patient. Otherwise the issuer is not looked at, because
        mostly it stands in some of a patient's objects only.
    journal : dict of str to str, optional
        Gets every UID that is mapped, and what it became: a site keeps it.
    """

    secret: bytes
    subject_prefix: str
    project: str
    subjects: Table[str, str] | None = None
    uids: Table[str, str] | None = None
    offsets: Table[str, int] | None = None
    complete: bool = False
    attributes: Table[str, Table[str, str]] | None = None
    by_issuer: bool = False
    journal: dict[str, str] | None = None
    _keys: tuple[bytes, bytes, bytes, bytes] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.secret) < SHORTEST_SECRET_BYTES:
            raise UnusableMapping("The secret of the mapping is too short; give at least 16 random bytes.")
        prefix = self.subject_prefix
        if len(prefix) > LONGEST_PREFIX or not (prefix.isascii() and prefix.isprintable()) or set(prefix) & set("\\^="):
            raise UnusableMapping("The prefix must be at most 40 plain characters without backslash, caret or equals.")
        purposes = ("uid", "subject", "date", "code")
        keys = tuple(self._digest(self.secret, "key", purpose, self.project) for purpose in purposes)
        object.__setattr__(self, "_keys", keys)

    def __repr__(self) -> str:
        return "Mapping(...)"

    def uid(self, uid: str) -> str:
        """Map a UID; those the standard registers stay."""
        uid = uid.strip(" \0")
        if not uid or dicom.well_known(uid):
            return uid
        if self.journal is not None and uid in self.journal:
            return self.journal[uid]
        new = self.uids[uid] if self.uids is not None and uid in self.uids else dicom.derive_uid(self._keys[0], uid)
        if self.journal is not None:
            self.journal[uid] = new
        return new

    def subject_label(self, patient_id: str, issuer: str = "") -> str:
        """Label of a subject: the prefix and ten letters and digits, the same each time.

        Raises
        ------
        NotInLookup
            The lookup table must know every patient and does not know this one.
        """
        known = self._looked_up(self.subjects, patient_id)
        if known is not None:
            return str(known)
        return self.subject_prefix + self._code(self._keys[1], *self._person(patient_id, issuer), length=10)

    def date_offset_days(self, patient_id: str, issuer: str = "") -> int:
        """Shift of a subject's dates: between ten years and one year back, the same each time.

        Raises
        ------
        NotInLookup
        """
        known = self._looked_up(self.offsets, patient_id)
        if known is not None:
            return int(known)
        number = int.from_bytes(self._digest(self._keys[2], *self._person(patient_id, issuer))[:8], "big")
        return EARLIEST_SHIFT_DAYS + number % (LATEST_SHIFT_DAYS - EARLIEST_SHIFT_DAYS + 1)

    def _person(self, patient_id: str, issuer: str) -> tuple[str, str]:
        stands_in = issuer == NO_PATIENT_ID
        return patient_id.strip(), issuer.strip() if self.by_issuer or stands_in else ""

    def attributes_of(self, patient_id: str) -> Table[str, str]:
        """Attributes that a lookup table writes into a patient's objects."""
        return (self.attributes or {}).get(patient_id.strip(), {})

    def pseudonym(self, text: str) -> str:
        """Code of twelve letters and digits for what must stay distinct from others, such as a specimen."""
        return self._code(self._keys[3], text, length=12)

    def _looked_up(self, table: Table[str, V] | None, patient_id: str) -> V | None:
        if table is None:
            return None
        known = table.get(patient_id.strip())
        if known is None and self.complete:
            raise NotInLookup("A lookup table does not know the patient of an object; complete the table.")
        return known

    def _code(self, key: bytes, *words: str, length: int) -> str:
        return base64.b32encode(self._digest(key, *words)).decode("ascii")[:length]

    @staticmethod
    def _digest(key: bytes, *words: str) -> bytes:
        message = b"".join(
            len(word.encode("utf-8", "surrogatepass")).to_bytes(4, "big") + word.encode("utf-8", "surrogatepass")
            for word in words
        )
        return hmac.new(key, message, hashlib.sha256).digest()
