"""Score de-identifiers on one planted delivery, and measure their speed on a CT series."""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.deidentification import engines, rivals
from bench.deidentification.answers import PROFILES, Planted
from bench.deidentification.engines import Run, Unavailable
from bench.deidentification.generator import generate, generate_series
from bench.deidentification.reading import find, read, values
from bench.deidentification.scores import HEADER, Scores, line, score
from bench.table import machine

Engine = Callable[[Path, list[Planted], Path, str], Run]
OURS: dict[str, Engine] = {
    "unchanged": engines.unchanged,
    "invivo": engines.by_library,
    "invivo-cli": engines.by_command,
}
ENGINES = (*OURS, *rivals.PACKAGES)


def wanted() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.deidentification", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--engine", default="invivo", help=f"all, or some of {', '.join(ENGINES)}, with commas")
    parser.add_argument("--out", type=Path, required=True, help="folder for scores.md, scores.json and wrong.txt")
    parser.add_argument("--patients", type=int, default=3, help="each has 21 objects")
    parser.add_argument("--level", default="hostile", choices=("hostile", "plain", "valid"))
    parser.add_argument("--series", type=int, default=100, help="CT slices for the speed; 0 leaves it out")
    parser.add_argument("--scratch", type=Path, help="keeps the delivery, the outputs and the rivals' environments")
    parsed = parser.parse_args()
    parsed.engines = list(ENGINES) if parsed.engine == "all" else parsed.engine.split(",")
    if unknown := [name for name in parsed.engines if name not in ENGINES]:
        parser.error(f"no engine is called {', '.join(unknown)}")
    return parsed


def engine_named(name: str, scratch: Path) -> Engine:
    """An engine by name; a rival gets its environment now."""
    if name in OURS:
        return OURS[name]
    programs = rivals.prepare(name, scratch)
    return lambda source, planted, target, profile: rivals.run(name, programs, source, planted, target)


def same_again(run: Run, second: Run) -> float:
    """Share, in percent, of outputs of two runs that have the same UID."""
    both = [(_uid(path), _uid(second.outputs[name])) for name, path in run.outputs.items() if name in second.outputs]
    same = [one == other for one, other in both if one and other]
    return 100 * sum(same) / len(same) if same else 0.0


def _uid(path: Path) -> str:
    dataset = read(path)
    return "".join(values(find(dataset, "00080018"))) if dataset is not None else ""


def scored(name: str, engine: Engine, asked: argparse.Namespace, source: Path, planted: list[Planted]) -> list[dict]:
    """Scores of an engine under both profiles."""
    rows = []
    for profile in PROFILES:
        target = asked.scratch / f"out-{name}-{profile}"
        run = engine(source, planted, target, profile)
        second = engine(source, planted[:20], asked.scratch / f"again-{name}-{profile}", profile)
        found = score(
            source,
            planted,
            run.outputs,
            profile=profile,
            held=frozenset(run.held),
            held_for_pixels=frozenset(run.held_for_pixels),
            shown=run.shown,
        )
        print(line(name, found), flush=True)
        rows.append(_row(name, found, same_again(run, second), run))
    return rows


def _row(name: str, found: Scores, again: float, run: Run) -> dict:
    counts = {key: getattr(found, key) for key in Scores.__slots__ if isinstance(getattr(found, key), (int, str))}
    categories = {category: [found.right[category], found.asked[category]] for category in sorted(found.asked)}
    faults = [*(f"HELD {held}: {why}" for held, why in run.held.items()), *found.faults]
    return {
        "engine": name,
        **counts,
        "actions_percent": found.percent(),
        "categories": categories,
        "same_uids_in_second_run_percent": again,
        "table": line(name, found),
        "wrong": faults,
    }


def speed(name: str, engine: Engine, asked: argparse.Namespace, source: Path, planted: list[Planted]) -> dict:
    """Files a second of one process on the CT series, the better of two runs; the first warms the page cache."""
    runs = [engine(source, planted, asked.scratch / f"speed-{name}-{turn}", "tcia") for turn in range(2)]
    best = min(runs, key=lambda run: run.seconds)
    done = len(best.outputs)
    rate = done / best.seconds if best.seconds else 0.0
    print(f"| {name} | {done}/{len(planted)} | {rate:.0f} |", flush=True)
    return {"engine": name, "files": done, "of": len(planted), "files_per_second": rate}


def measured(asked: argparse.Namespace) -> dict:
    """Everything asked for."""
    source = asked.scratch / "delivery"
    planted = generate(source, asked.seed, patients=asked.patients, level=asked.level)
    print(f"Seed {asked.seed}: {len(planted)} objects, {machine()}\n\n{HEADER}", flush=True)
    made: dict[str, Engine] = {}
    rows: list[dict] = []
    missing: list[str] = []
    for name in asked.engines:
        try:
            engine = engine_named(name, asked.scratch)
            rows += scored(name, engine, asked, source, planted)
        except Unavailable as reason:
            missing.append(f"{name}: {reason}")
        else:
            made[name] = engine
    rates: list[dict] = []
    if asked.series:
        series = asked.scratch / "series"
        slices = generate_series(series, asked.seed, asked.series)
        print("\n| engine | files | files/s |\n| --- | --: | --: |", flush=True)
        rates = [speed(name, engine, asked, series, slices) for name, engine in made.items() if name != "unchanged"]
    return {
        "seed": asked.seed,
        "machine": machine(),
        "objects": len(planted),
        "scores": rows,
        "speed": rates,
        "missing": missing,
    }


def write(out: Path, results: dict) -> None:
    """Write the tables, everything as JSON, and what was wrong."""
    out.mkdir(parents=True, exist_ok=True)
    wrong = [f"{row['engine']} {row['profile']}: {fault}" for row in results["scores"] for fault in row.pop("wrong")]
    (out / "wrong.txt").write_text("\n".join(wrong) + "\n", encoding="utf-8")
    (out / "scores.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    lines = [f"Seed {results['seed']}, {results['objects']} objects, {results['machine']}.", "", HEADER]
    lines += [row["table"] for row in results["scores"]]
    if results["speed"]:
        lines += ["", "| engine | files | files/s |", "| --- | --: | --: |"]
        lines += [
            f"| {row['engine']} | {row['files']}/{row['of']} | {row['files_per_second']:.0f} |"
            for row in results["speed"]
        ]
    lines += ["", *(f"Left out: {reason}" for reason in results["missing"])]
    (out / "scores.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def main() -> None:
    """Measure, print and write."""
    asked = wanted()
    with tempfile.TemporaryDirectory(prefix="invivo-planted-") as folder:
        asked.scratch = asked.scratch or Path(folder)
        write(asked.out, measured(asked))


if __name__ == "__main__":
    main()
