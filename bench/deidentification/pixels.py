"""Burned-in text: is it gone, is the clinical text still there, and are the other pixels as they were."""

import numpy as np

from bench.deidentification.answers import Burned

_SAME = 0.9
_GONE = 0.35


def judge(
    before: np.ndarray, after: np.ndarray | None, burned: tuple[Burned, ...], *, lossy: bool
) -> dict[str, list[bool]]:
    """Tell of every text whether it is hidden (identifying) or kept (clinical), and whether the rest is retained."""
    found: dict[str, list[bool]] = {"hidden": [], "kept": [], "retained": []}
    for one in burned:
        left, top, wide, high = one.box
        place = (slice(None), slice(top, top + high), slice(left, left + wide))
        if after is None or after.shape[:3] != before.shape[:3]:
            found["hidden" if one.identifies else "kept"].append(False)
            continue
        pairs = [(_grey(before[place][n]), _grey(after[place][n])) for n in {0, len(before) // 2, len(before) - 1}]
        if one.identifies:
            found["hidden"].append(all(_is_gone(old, new, before.max()) for old, new in pairs))
        else:
            found["kept"].append(all(_alike(old, new) > _SAME for old, new in pairs))
    found["retained"].append(_is_retained(before, after, burned, lossy))
    return found


def _grey(part: np.ndarray) -> np.ndarray:
    grey = part.astype(np.float64)
    return grey.mean(axis=-1) if grey.ndim == 3 else grey


def _is_gone(old: np.ndarray, new: np.ndarray, most: float) -> bool:
    """No stretch of the text, as long as it is high, may still look like itself."""
    wide = max(8, old.shape[0])
    contrast = np.median([old[:, left : left + wide].std() for left in range(0, old.shape[1], wide)])
    for left in range(0, old.shape[1], wide):
        before, after = old[:, left : left + wide], new[:, left : left + wide]
        if before.std() < 0.7 * contrast or after.std() < 0.05 * most:
            continue
        if _alike(before, after) > _GONE:
            return False
    return True


def _alike(old: np.ndarray, new: np.ndarray) -> float:
    if old.std() == 0 or new.std() == 0:
        return 1.0 if np.array_equal(old, new) else 0.0
    return float(np.corrcoef(old.ravel(), new.ravel())[0, 1])


def _is_retained(before: np.ndarray, after: np.ndarray | None, burned: tuple[Burned, ...], lossy: bool) -> bool:
    if after is None or after.shape[:3] != before.shape[:3]:
        return False
    differs = np.abs(before.astype(np.int64) - after.astype(np.int64)) > (12 if lossy else 0)
    differs = differs.any(axis=-1) if differs.ndim == 4 else differs
    identifying = [one for one in burned if one.identifies]
    for one in identifying:
        left, top, wide, high = one.box
        differs[:, max(0, top - 8) : top + high + 8, max(0, left - 8) : left + wide + 8] = False
    return bool(differs.mean() <= (0.05 if identifying else 0.0))
