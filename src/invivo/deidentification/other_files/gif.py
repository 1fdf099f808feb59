"""GIF: the pictures and their timing; comments, texts and programs' blocks are left out."""

from invivo.deidentification.other_files.outcome import broken
from invivo.deidentification.report import Action

_IMAGE, _EXTENSION, _END = 0x2C, 0x21, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_MOST_BLOCKS = 1_000_000


def clean_gif(content: bytes) -> tuple[bytes, list[Action]]:
    """The picture without comments and without what follows its end.

    Raises
    ------
    CannotDeidentify
        Damaged.
    """
    actions: list[Action] = []
    if len(content) < 13:
        raise broken("it ends inside its header")
    place = 13 + _table(content[10])
    pieces = [content[:place]]
    for _ in range(_MOST_BLOCKS):
        kind = content[place] if place < len(content) else -1
        if kind == _END:
            return b"".join((*pieces, b";")), actions
        if kind == _IMAGE and place + 10 < len(content):
            end = _blocks_end(content, place + 11 + _table(content[place + 9]))
            pieces.append(content[place:end])
        elif kind == _EXTENSION and place + 2 < len(content):
            end = _blocks_end(content, place + 2)
            if _stays(content[place + 1], content[place + 2 : end]):
                pieces.append(content[place:end])
            else:
                actions.append(Action(f"extension {content[place + 1]:02X}", "X", "gif"))
        else:
            raise broken("a block does not begin as it must")
        place = end
    raise broken("it has too many blocks")


def _stays(label: int, blocks: bytes) -> bool:
    if label == _CONTROL:
        return len(blocks) == 6 and blocks[0] == 4
    return (
        label == _APPLICATION and blocks[:12] == b"\x0bNETSCAPE2.0" and blocks[12:14] == b"\3\1" and len(blocks) == 17
    )


def _table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks_end(content: bytes, place: int) -> int:
    while place < len(content):
        if content[place] == 0:
            return place + 1
        place += 1 + content[place]
    raise broken("it ends inside a block")
