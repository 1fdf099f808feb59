"""Measure a fresh archive and a fresh Orthanc with the same load, one after the other, and print a table."""

import argparse
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from bench import orthanc, ours, plan, table
from bench.exchange import Receiver
from bench.ingest import BATCH
from bench.server import Server, free_port
from bench.table import Figure, Key

Maker = Callable[[Path, int], Server]


def wanted() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", default="", help=f"some of {', '.join(plan.ROWS)}; what they need is measured too")
    parser.add_argument("--only", choices=("invivo", "orthanc"), help="measure one of the two")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of both; the median of each figure counts")
    parser.add_argument("--quick", action="store_true", help="fewer objects")
    parser.add_argument("--scale", type=int, default=0, help="go on to so many header-only instances, such as 100000")
    parser.add_argument(
        "--collection",
        choices=("inhouse", "deidentified"),
        default="inhouse",
        help="deidentified: a public archive, which de-identifies and releases on receipt; it has no rival here",
    )
    asked = parser.parse_args()
    asked.rows = asked.rows.split(",") if asked.rows else _usual_rows(asked)
    unknown = [row for row in asked.rows if row not in plan.ROWS]
    if unknown or asked.rounds < 1 or asked.scale < 0:
        parser.error(f"rows are {', '.join(plan.ROWS)}; there is at least one round")
    if asked.collection == "deidentified" and set(asked.rows) & set(plan.READINGS):
        parser.error("objects that were de-identified have other identifiers; only sending is measured")
    return asked


def _usual_rows(asked: argparse.Namespace) -> Sequence[str]:
    if asked.collection == "deidentified":
        return plan.DEIDENTIFIED
    return ["memory"] if asked.scale else plan.ROWS


def makers(asked: argparse.Namespace) -> list[Maker]:
    """Return what is measured; say what is missing."""
    if shutil.which("storescu") is None:
        print(f"DCMTK is not here, so nothing by DIMSE is measured: {orthanc.INSTALL}\n")
    if asked.collection == "deidentified":
        return [ours.Deidentifying]
    if orthanc.program() is None and asked.only != "invivo":
        print(f"Orthanc is not here; beside ours stand figures of elsewhere (*). To compare: {orthanc.INSTALL}\n")
    chosen: list[Maker] = [] if asked.only == "orthanc" else [ours.Invivo]
    return chosen + ([orthanc.Orthanc] if orthanc.program() and asked.only != "invivo" else [])


def measured(asked: argparse.Namespace, servers: Sequence[Maker], folder: Path) -> dict[str, dict[Key, list[float]]]:
    """Run all rounds; return {server: {figure: values}}."""
    chosen = plan.loads_for(asked.rows, quick=asked.quick)
    folders = plan.written(chosen, folder / "loads")
    found: dict[str, dict[Key, list[float]]] = {}
    has_dcmtk = shutil.which("storescp") is not None
    for number in range(asked.rounds):
        for make in servers[:: -1 if number % 2 else 1]:  # who comes first changes, so that neither has the quiet hour
            home = folder / f"home-{number}"
            receiver = Receiver() if has_dcmtk else None
            course = plan.Course(make(home, receiver.port if receiver else free_port()), tell)
            try:
                course.run(asked.rows, chosen, folders, asked.scale, folder / "scale")
            finally:
                if receiver:
                    receiver.stop()
                ours.remove(home)
            for key, value in course.figures.items():
                found.setdefault(course.server.name, {}).setdefault(key, []).append(value)
    return found


def tell(name: str, figure: Figure) -> None:
    """Say at once what was measured, beside the table that comes at the end."""
    print(f"{name:<8} {figure.row:<28} {figure.figure:<15} {figure.value:10.2f}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print."""
    asked = wanted()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))  # so that the trees are stopped too
    servers = makers(asked)
    before = table.load_of_machine()
    with plan.scratch_folder() as folder:
        found = measured(asked, servers, Path(folder))
    print(f"{table.machine()}. Load of the machine before {before}, after {table.load_of_machine()}.")
    counts = ", ".join(f"{one.row} {one.count}" for one in plan.loads_for(asked.rows, quick=asked.quick))
    print(f"Objects: {counts or 'none'}. STOW takes {BATCH} a request. Rounds: {asked.rounds}.\n")
    has_rival = "Orthanc" in found
    print(table.header("Orthanc" if has_rival else "others"))
    mine, theirs = found.get("invivo", {}), found.get("Orthanc", {})
    for key in sorted({**mine, **theirs}, key=table.order):
        print(table.line(key, *(median(one[key]) if key in one else None for one in (mine, theirs))))
    if has_rival:
        print(f"\nThe rival: {orthanc.version()}. * measured elsewhere, with another version.")


if __name__ == "__main__":
    main()
