"""What archives and archive software can do, point by point: the survey of biomedical imaging archives as facts.

The tables came from the survey that the National Cancer Institute's imaging programme began in 2010; they are data
files of this room. Each cell keeps its text as it was written, its links, and a reading of it in a small vocabulary, so
that cells can be compared. A link whose address the source lost is kept as text. This room changes nothing and asks no
database.
"""

from invivo.survey.comparison import Comparison, Row, as_csv, as_json, compare
from invivo.survey.entry import (
    KINDS,
    Kind,
    Link,
    Source,
    System,
    UnknownEntry,
    Value,
    kind_of,
    row_labels,
    source,
    system,
    systems,
)

__all__ = [
    "KINDS",
    "Comparison",
    "Kind",
    "Link",
    "Row",
    "Source",
    "System",
    "UnknownEntry",
    "Value",
    "as_csv",
    "as_json",
    "compare",
    "kind_of",
    "row_labels",
    "source",
    "system",
    "systems",
]
