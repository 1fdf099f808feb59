"""The score of an engine's output against the key."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset

from bench.deidentification import pixels, validity
from bench.deidentification.answers import Demand, Planted
from bench.deidentification.leaks import Searcher
from bench.deidentification.reading import find, frames, read, values


@dataclass(slots=True)
class Scores:
    """Counts of what was right and what was asked, and the list of what was wrong."""

    profile: str
    files: int = 0
    delivered: int = 0
    held: int = 0
    held_rightly: int = 0
    held_for_pixels: int = 0
    right: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    words_kept: int = 0
    words: int = 0
    clean_files: int = 0
    hidden: int = 0
    identifying: int = 0
    kept: int = 0
    clinical: int = 0
    new_errors: int = 0
    intervals_held: int = 0
    patients: int = 0
    faults: list[str] = field(default_factory=list)

    def percent(self, category: str | None = None) -> float:
        """Required actions that are right, in percent."""
        asked = self.asked[category] if category else sum(self.asked.values())
        right = self.right[category] if category else sum(self.right.values())
        return 100 * right / asked if asked else 100.0


@dataclass(slots=True)
class _Fates:
    """What became of UIDs, patient ids and dates over the whole delivery."""

    uids: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    patients: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    shifts: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))


def score(
    originals: Path,
    planted: Iterable[Planted],
    outputs: dict[str, Path],
    *,
    profile: str,
    held: frozenset[str] = frozenset(),
    held_for_pixels: frozenset[str] = frozenset(),
    shown: dict[str, str] | None = None,
    with_validity: bool = True,
) -> Scores:
    """Score the outputs of a delivery.

    Parameters
    ----------
    outputs : dict of str to Path
        Output by the name of the planted object; what is missing fails every action of its object.
    profile : {'tcia', 'basic'}
    held : set of str
        Names that the engine holds: missing, unless objects of that kind must be held.
    held_for_pixels : set of str
        Names held for their pixels only; their outputs are scored, and counted.
    shown : dict of str to str
        Names of the outputs as others see them, by the planted name; searched for identifiers.
    """
    found = Scores(profile)
    known = list(planted)
    uids: dict[str, set[str]] = defaultdict(set)
    for one in known:
        uids[one.patient] |= set(one.uids)
    datasets = {one.name: _output(one, outputs, held) for one in known}
    fates = _fates(known, datasets, profile)
    for one in known:
        found.files += 1
        found.held_for_pixels += one.name in held_for_pixels
        if one.name in held:
            found.held += 1
            found.held_rightly += one.must_hold
            found.clean_files += 1
            if one.must_hold:
                continue
        elif one.must_hold and one.name in held_for_pixels:
            found.held_rightly += 1
            found.clean_files += 1
            continue
        dataset = datasets[one.name]
        _score_one(found, one, dataset, fates, originals)
        if dataset is not None:
            found.delivered += 1
            searcher = Searcher(one, frozenset(uids[one.patient]), devices=profile == "basic")
            left = searcher.found(outputs[one.name], dataset, (shown or {}).get(one.name, ""))
            found.clean_files += not left
            if left:
                found.faults.append(f"LEAK {one.kind} {one.name}: {sorted(left)[:6]}")
    _score_delivery(found, fates, profile)
    if with_validity and validity.is_installed():
        _score_validity(found, originals, [(one, outputs[one.name]) for one in known if datasets[one.name] is not None])
    return found


def _output(one: Planted, outputs: dict[str, Path], held: frozenset[str]) -> Dataset | None:
    return (
        read(outputs[one.name]) if one.name in outputs and one.name not in held and outputs[one.name].exists() else None
    )


def _fates(planted: list[Planted], datasets: dict[str, Dataset | None], profile: str) -> _Fates:
    fates = _Fates()
    for one in planted:
        dataset = datasets[one.name]
        if dataset is None:
            continue
        for demand in one.demands[profile]:
            if demand.category not in {"uid_consistent", "patid_consistent", "date_shifted"}:
                continue
            new = values(find(dataset, demand.path))
            if len(new) != len(demand.values):
                continue
            for old, now in zip(demand.values, new, strict=True):
                if demand.category == "uid_consistent":
                    fates.uids[old][now] += 1
                elif demand.category == "patid_consistent":
                    fates.patients[old][now] += 1
                elif (days := _days(old, now)) is not None:
                    fates.shifts[one.patient][days] += 1
    return fates


def _days(old: str, new: str) -> int | None:
    try:
        first, second = (datetime.strptime(text[:8], "%Y%m%d") for text in (old, new))  # noqa: DTZ007 - dates only
    except ValueError:
        return None
    return (second - first).days if old[8:] == new[8:] else None


def _score_one(found: Scores, one: Planted, dataset: Dataset | None, fates: _Fates, originals: Path) -> None:
    before = read(originals / one.name)
    for demand in one.demands[found.profile]:
        found.asked[demand.category] += 1
        right = dataset is not None and _is_right(demand, one, dataset, before, fates, found.profile)
        found.right[demand.category] += right
        text = demand.category == "text_retained" and found.profile == "tcia" and not demand.path.endswith("}")
        if text and _is_text(before, demand):
            kept = "\\".join(values(find(dataset, demand.path))) if dataset is not None else ""
            found.words += len(demand.values)
            found.words_kept += sum(word in kept for word in demand.values)
        if not right:
            now = values(find(dataset, demand.path)) if dataset is not None else ["MISSING FILE"]
            if dataset is not None or demand.path == "00080018":
                found.faults.append(
                    f"{demand.category} {one.kind} {one.name} {demand.path} {list(demand.values)} -> {now}"
                )
    _score_pixels(found, one, dataset, before)


def _is_text(before: Dataset | None, demand: Demand) -> bool:
    element = find(before, demand.path) if before is not None else None
    free = element is not None and element.VR in {"LO", "SH", "ST", "LT", "UT", "UC"}
    return free and "\\".join(values(element)) != "\\".join(demand.values)


def _is_right(  # noqa: PLR0911 - a table of categories
    demand: Demand, one: Planted, dataset: Dataset, before: Dataset | None, fates: _Fates, profile: str
) -> bool:
    element = find(dataset, demand.path)
    now = values(element)
    if demand.category == "tag_retained":
        return element is not None
    if demand.category == "text_notnull":
        return bool(now)
    if demand.category == "text_removed":
        return _is_removed(demand, now, before)
    if demand.category == "text_retained":
        whole = "\\".join(now)
        return all(value in whole for value in demand.values)
    if demand.category == "date_shifted":
        return _is_shifted(demand, now, fates.shifts[one.patient], profile)
    if demand.category == "uid_changed":
        return (bool(now) or not demand.strict) and not set(now) & set(demand.values)
    if demand.category == "uid_consistent":
        return all(len(fates.uids[old]) <= 1 for old in demand.values)
    return len(now) == 1 and now[0] != demand.values[0] and len(fates.patients[demand.values[0]]) == 1


def _is_removed(demand: Demand, now: list[str], before: Dataset | None) -> bool:
    if demand.values == ("absent",):
        return not now
    if demand.values == ("bytes",):
        return not now or before is None or now != values(find(before, demand.path))
    whole = "\\".join(now).casefold()
    words = set(whole.replace("^", " ").replace(",", " ").split())
    return not any((old.casefold() in whole) if len(old) >= 4 else (old.casefold() in words) for old in demand.values)


def _is_shifted(demand: Demand, now: list[str], shifts: Counter[int], profile: str) -> bool:
    if not now:
        return not demand.strict
    if profile == "basic":
        return not set(now) & set(demand.values)
    usual = shifts.most_common(1)[0][0] if shifts else 0
    days = [_days(old, new) for old, new in zip(demand.values, now, strict=False)]
    return len(now) == len(demand.values) and usual != 0 and set(days) == {usual}


def _score_pixels(found: Scores, one: Planted, dataset: Dataset | None, before: Dataset | None) -> None:
    old = frames(before) if before is not None else None
    if old is None or before is None or (found.profile == "basic" and one.burned):
        return  # Basic does not ask for clean pixels: such an object is held or marked
    new = frames(dataset) if dataset is not None else None
    judged = pixels.judge(old, new, one.burned, lossy=before.file_meta.TransferSyntaxUID.endswith("4.50"))
    found.identifying, found.hidden = found.identifying + len(judged["hidden"]), found.hidden + sum(judged["hidden"])
    found.clinical, found.kept = found.clinical + len(judged["kept"]), found.kept + sum(judged["kept"])
    for key, category in (("hidden", "pixels_hidden"), ("retained", "pixels_retained")):
        found.asked[category] += len(judged[key])
        found.right[category] += sum(judged[key])
        if not all(judged[key]):
            texts = [text.text for text in one.burned if text.identifies] if key == "hidden" else []
            wrong = [text for text, right in zip(texts, judged[key], strict=False) if not right]
            found.faults.append(f"{category} {one.kind} {one.name} {wrong}")


def _score_delivery(found: Scores, fates: _Fates, profile: str) -> None:
    """UIDs and patients must not fall together; the days between a patient's dates must hold."""
    for kind, maps in (("uid_consistent", fates.uids), ("patid_consistent", fates.patients)):
        taken: Counter[str] = Counter()
        for became in maps.values():
            taken.update(set(became))
        for new, count in taken.items():
            found.asked[kind] += 1
            found.right[kind] += count == 1
            if count > 1:
                found.faults.append(f"{kind}: {count} values became {new!r}")
    if profile == "tcia":
        found.patients = len(fates.shifts)
        found.intervals_held = sum(len(shifts) == 1 and 0 not in shifts for shifts in fates.shifts.values())


def _score_validity(found: Scores, originals: Path, pairs: list[tuple[Planted, Path]]) -> None:
    with ThreadPoolExecutor(2) as pool:
        for (one, _), new in zip(
            pairs, pool.map(lambda pair: validity.new_errors(originals / pair[0].name, pair[1]), pairs), strict=True
        ):
            found.new_errors += bool(new)
            found.faults += [f"INVALID {one.kind} {one.name}: {line[:200]}" for line in new]


def line(name: str, found: Scores) -> str:
    """One line of the table, as Markdown."""

    def share(part: int, whole: int) -> str:
        return f"{100 * part / whole:.1f} %" if whole else "-"

    return (
        f"| {name} | {found.profile} | {found.percent():.2f} % | {found.clean_files}/{found.files} | "
        f"{share(found.words_kept, found.words)} | {share(found.hidden, found.identifying)} | "
        f"{share(found.kept, found.clinical)} | {found.intervals_held}/{found.patients} | {found.new_errors} | "
        f"{found.delivered} | {found.held} ({found.held_rightly}) | {found.held_for_pixels} |"
    )


HEADER = (
    "| engine | profile | actions right | files without leak | useful words kept | burned-in hidden | clinical kept | "
    "intervals held | files with new errors | delivered | held (rightly) | held for pixels |\n"
    "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |"
)
