"""Write the attribute types of the standard's modules as one compact file, from the tables that highdicom ships.

highdicom (MIT licence, see NOTICE) extracts them from PS3.3. Run it again when a newer highdicom is installed:

    python tools/generate_iods.py src/invivo/dicom/iods.json.gz
"""

import gzip
import json
import sys
from importlib.resources import files
from pathlib import Path


def table(name: str) -> dict:
    return json.loads((files("highdicom") / "_standard" / name).read_text(encoding="utf-8"))


def compact_tables() -> dict:
    """Modules as trees: keyword -> type, or keyword -> [type, tree]. Equal trees are kept once and named by number."""
    trees: list[dict] = []
    numbers: dict[str, int] = {}

    def number_of(tree: dict) -> int:
        flat = {key: kind if not inner else [kind, number_of(inner)] for key, (kind, inner) in tree.items()}
        text = json.dumps(flat, sort_keys=True)
        if text not in numbers:
            numbers[text] = len(trees)
            trees.append(flat)
        return numbers[text]

    modules = {name: number_of(tree_of(rows)) for name, rows in table("module_attribute_map.json").items()}
    iods = {
        name: [[row["key"], row["usage"]] for row in rows if row["key"] in modules]
        for name, rows in table("iod_module_map.json").items()
    }
    return {"classes": table("sop_class_iod_map.json"), "iods": iods, "modules": modules, "trees": trees}


def tree_of(rows: list[dict]) -> dict:
    root: dict = {}
    for row in rows:
        place = root
        for step in row["path"]:
            place = place.setdefault(step, [None, {}])[1]
        kind = row["type"] if row["type"] in ("1", "1C", "2", "2C", "3") else None
        entry = place.setdefault(row["keyword"], [kind, {}])
        entry[0] = min(filter(None, (entry[0], kind)), default=None)
    return root


def main() -> None:
    text = json.dumps(compact_tables(), sort_keys=True, separators=(",", ":"))
    Path(sys.argv[1]).write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main()
