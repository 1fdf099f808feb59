"""The chain over the journal: what is written is sealed in the order of its ids, and checked by reading all of it again.

Ids are given before a transaction ends, so entry 10 may appear after entry 11 was sealed. A seal therefore names the ids it
covers and the gaps between them; what appears in a gap is sealed by a later one.
"""

import hashlib
from dataclasses import dataclass

from invivo import database
from invivo.archive import Archive
from invivo.errors import Broken

ENTRIES_AT_ONCE = 20_000
GAPS_STAY_OPEN = "1 day"
_FIRST = bytes(32)

# What is not sealed yet: behind the last seal, or come late into a gap of a recent one.
_WAITING = f"""
with last as (select coalesce(max(to_id), 0) as id from audit.seal),
waiting as (
    select e.* from audit.entry e, last where e.id > last.id
    union all
    select e.* from (select distinct g from audit.seal s, unnest(s.gaps) g where s.sealed_at > now() - interval '{GAPS_STAY_OPEN}') open
        join audit.entry e on e.id >= lower(open.g) and e.id < upper(open.g)
    where not exists (select 1 from audit.seal s where s.ids @> e.id)
),
chosen as (select * from waiting order by id limit %(most)s)
select count(*) as entries, min(s.id) as from_id, max(s.id) as to_id, (select id from last) as last_id,
    range_agg(int8range(s.id, s.id, '[]')) as ids,
    string_agg(audit.content_digest((s.id, s.at, s.actor, s.verb, s.thing, s.detail)::audit.entry), ''::bytea order by s.id) as digests
from chosen s
"""  # noqa: S608 - a constant of ours
_INSERT = """
insert into audit.seal (from_id, to_id, ids, gaps, entries, previous, digest)
values (%(from_id)s, %(to_id)s, %(ids)s::int8multirange,
    int8multirange(int8range(least(%(last_id)s + 1, %(from_id)s), %(to_id)s, '[]')) - %(ids)s::int8multirange,
    %(entries)s, %(previous)s, %(digest)s)
"""
_CHECKED = """
select s.id, s.entries, s.previous, s.digest, count(e.id) as found,
    coalesce(string_agg(audit.content_digest(e), ''::bytea order by e.id), ''::bytea) as digests
from audit.seal s
left join audit.entry e on e.id between s.from_id and s.to_id and s.ids @> e.id
where s.id > %(after)s group by s.id order by s.id limit 20
"""
_UNSEALED = f"""
select count(*) filter (where e.at < now() - interval '{GAPS_STAY_OPEN}' * 2
        and e.id < (select max(to_id) from audit.seal)) as forgotten, count(*) as waiting
from audit.entry e where not exists (select 1 from audit.seal s where e.id between s.from_id and s.to_id and s.ids @> e.id)
"""  # noqa: S608 - a constant of ours


class ChainBroken(Broken):
    """The journal is not what was sealed."""

    code = "audit.chain-broken"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the whole chain found.

    Attributes
    ----------
    seals, entries : int
        How many seals were checked, and entries under them.
    waiting : int
        Entries that no seal covers yet.
    head : str
        Digest of the last seal, hexadecimal: written down elsewhere, it proves later that nothing before it was changed.
    faults : tuple of str
        What is wrong, empty if nothing is.
    """

    seals: int
    entries: int
    waiting: int
    head: str
    faults: tuple[str, ...]


def seal(archive: Archive) -> int:
    """Seal what has been written and committed; return how many entries.

    One process seals at a time; another returns at once. Nobody who writes an entry waits.
    """
    total = 0
    while True:
        with archive.database.transaction() as tx:
            turn = tx.execute("select pg_try_advisory_xact_lock(1003, 0) as mine").fetchone()
            assert turn is not None
            entries = _seal_some(tx) if turn.mine else 0
        total += entries
        if entries < ENTRIES_AT_ONCE:
            return total


def _seal_some(tx: database.Tx) -> int:
    found = tx.execute(_WAITING.encode(), {"most": ENTRIES_AT_ONCE}).fetchone()
    assert found is not None
    if not found.entries:
        return 0
    last = tx.execute("select digest from audit.seal order by id desc limit 1").fetchone()
    previous = bytes(last.digest) if last else _FIRST
    values = found._asdict() | {"previous": previous, "digest": _linked(previous, bytes(found.digests))}
    tx.execute(_INSERT.encode(), values)
    return int(found.entries)


def _linked(previous: bytes, digests: bytes) -> bytes:
    """Link entry by entry: each link is SHA-256 over the link before and the entry's own digest."""
    link = previous
    for start in range(0, len(digests), 32):
        link = hashlib.sha256(link + digests[start : start + 32]).digest()
    return link


def verify(archive: Archive) -> Verdict:
    """Read the whole journal again and compare it with its seals."""
    seals = entries = after = 0
    link, faults = _FIRST, []
    with archive.database.transaction() as tx:
        while found := tx.execute(_CHECKED.encode(), {"after": after}).fetchall():
            for row in found:
                if bytes(row.previous) != link:
                    faults.append(f"Seal {row.id} does not follow the one before it: a seal was taken out or put in.")
                if row.found != row.entries:
                    faults.append(f"Seal {row.id} covers {row.entries} entries, of which {row.found} are there.")
                elif _linked(bytes(row.previous), bytes(row.digests)) != bytes(row.digest):
                    faults.append(f"What seal {row.id} covers was changed after it was sealed.")
                seals, entries, link, after = seals + 1, entries + row.found, bytes(row.digest), row.id
        rest = tx.execute(_UNSEALED.encode()).fetchone()
    assert rest is not None
    if rest.forgotten:
        faults.append(
            f"{rest.forgotten} entries lie between sealed ones and were never sealed: they were put in later."
        )
    return Verdict(seals, entries, rest.waiting, link.hex(), tuple(faults))
