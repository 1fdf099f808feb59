"""What identifies a subject, gathered from all originals that are held before one of them is cleaned."""

from collections.abc import Sequence

from invivo import deidentification, dicom, quarantine
from invivo.archive import Archive


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
        self._asked: dict[str, tuple[deidentification.Trace, ...]] = {}

    def learn(self, waiting: Sequence[quarantine.HeldObject]) -> None:
        """Look at the headers of some originals."""
        found: dict[str, set[tuple[str, str]]] = {}
        for held in waiting:
            label, traces = self._told_by(held)
            if label:
                found.setdefault(label, set()).update((trace.kind, trace.text) for trace in traces)
        with self._archive.database.transaction() as tx:
            for label, identifiers in found.items():
                quarantine.remember(tx, self._series.id, self._series.collection_id, label, identifiers)
                known = quarantine.remembered(tx, self._series.collection_id, label)
                self._asked[label] = deidentification.traces_from(known)

    def of_all(self) -> tuple[deidentification.Trace, ...]:
        """Return what is known of any subject of the collection: a table or a text may speak of several."""
        with self._archive.database.transaction() as tx:
            return deidentification.traces_from(quarantine.remembered_of_all(tx, self._series.collection_id))

    def of(self, held: quarantine.HeldObject) -> tuple[deidentification.Trace, ...]:
        """Return what is known of the subject of an object; of an unreadable one nothing."""
        if len(self._asked) == 1:
            return next(iter(self._asked.values()))
        return self._asked.get(self._told_by(held)[0], ())

    def _told_by(self, held: quarantine.HeldObject) -> tuple[str, tuple[deidentification.Trace, ...]]:
        """Return the subject's label and the identifiers in a header; nothing where it cannot be read."""
        try:
            dataset = dicom.read_dataset(self._archive.held.place(held.digest).path, pixels=False)
            label = self._mapping.subject_label(*deidentification.patient_of(dataset))
            return label, deidentification.traces_of(dataset, self._profile)
        except Exception:  # because hostile bytes break libraries in ways of their own; the cleaning says what is wrong
            return "", ()
