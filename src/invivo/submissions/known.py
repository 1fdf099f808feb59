"""What identifies a subject, gathered from all originals that are held before one of them is cleaned."""

from collections.abc import Sequence
from dataclasses import dataclass

from invivo import deidentification, dicom, quarantine
from invivo.archive import Archive
from invivo.errors import TooLarge

MOST_IN_OBJECT = 2_000
MOST_OF_SUBJECT = 10_000


class TooManyIdentifiers(TooLarge):
    """The header, or all headers of a subject, tell of more people, numbers and places than can be looked for."""

    code = "known.too-many"


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What is known of the subject of an object.

    Attributes
    ----------
    told_to : int
        Number of the newest.
    """

    traces: tuple[deidentification.Trace, ...] = ()
    told_to: int = 0


class Known:
    """The identifiers of the subjects of a series, asked for once a job.

    The headers of the series' originals are looked at first; what they tell is written down beside what other held
    series told of the same subjects.
    """

    def __init__(
        self,
        archive: Archive,
        series: quarantine.HeldSeries,
        profile: deidentification.Profile,
        mapping: deidentification.Mapping,
    ) -> None:
        self._archive, self._series, self._profile, self._mapping = archive, series, profile, mapping
        self._labels: dict[int, str] = {}
        self._excessive: set[int] = set()
        self._asked: dict[str, Identifiers] = {}

    def learn(self, waiting: Sequence[quarantine.HeldObject]) -> None:
        """Look at the headers of some originals. One that tells of too many people teaches nothing."""
        found: dict[str, set[tuple[str, str]]] = {}
        self._excessive.clear()
        for held in waiting:
            label, told = self._told_by(held)
            self._labels[held.id] = label
            if len(told) > MOST_IN_OBJECT:
                self._excessive.add(held.id)
            elif label:
                found.setdefault(label, set()).update(told)
        with self._archive.database.transaction() as tx:
            for label, identifiers in sorted(found.items()):
                quarantine.remember(tx, self._series.id, self._series.collection_id, label, identifiers)
                known = quarantine.remembered(tx, self._series.collection_id, label, MOST_OF_SUBJECT + 1)
                traces = deidentification.traces_from(known.identifiers)
                self._asked[label] = Identifiers(traces, known.told_to)

    def of_all(self) -> tuple[deidentification.Trace, ...]:
        """Return what is known of any subject of the collection: a table or a text may speak of several."""
        with self._archive.database.transaction() as tx:
            return deidentification.traces_from(quarantine.remembered_of_all(tx, self._series.collection_id))

    def of(self, held: quarantine.HeldObject) -> Identifiers:
        """Return what is known of the subject of an object that was learnt from; of an unreadable one nothing.

        Raises
        ------
        TooManyIdentifiers
        """
        known = self._asked.get(self._labels.get(held.id, ""), Identifiers())
        if held.id in self._excessive:
            raise TooManyIdentifiers(
                f"The header holds more than {MOST_IN_OBJECT} names, numbers and places; it may be made to do harm."
            )
        if len(known.traces) > MOST_OF_SUBJECT:
            raise TooManyIdentifiers(
                f"The objects of this subject tell of more than {MOST_OF_SUBJECT} names, numbers and places; release or"
                " reject some of them, then try again."
            )
        return known

    def _told_by(self, held: quarantine.HeldObject) -> tuple[str, set[tuple[str, str]]]:
        """Return the subject's label and the identifiers in a header; nothing where it cannot be read."""
        try:
            dataset = dicom.read_dataset(self._archive.held.place(held.digest).path, pixels=False)
            label = self._mapping.subject_label(*deidentification.patient_of(dataset))
            traces = deidentification.traces_of(dataset, self._profile)
        except Exception:  # because hostile bytes break libraries in ways of their own; the cleaning says what is wrong
            return "", set()
        return label, {(trace.kind, trace.text) for trace in traces}
