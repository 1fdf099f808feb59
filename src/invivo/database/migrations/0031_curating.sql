-- Checklists: the steps of a collection's curation, and who recorded what of them. A round is what comes before one release.
create table reviews.curation (
    collection_id bigint primary key references collections.collection (id),
    round integer not null default 1,
    begun_at timestamptz not null default now(),
    -- How many held series came or grew since the checklist was begun. A record remembers the number it saw.
    arrivals bigint not null default 0,
    shows_first_reader boolean not null default false
);

create table reviews.step (
    collection_id bigint not null references reviews.curation (collection_id),
    place integer not null,
    name text not null,
    title text not null,
    guide text not null default '',
    is_required boolean not null,
    primary key (collection_id, name)
);

create table reviews.record (
    id bigint generated always as identity primary key,
    collection_id bigint not null references reviews.curation (collection_id),
    round integer not null,
    step text not null,
    title text not null,
    outcome text not null check (outcome in ('done', 'remarks', 'not-applicable', 'taken-back')),
    remark text not null default '',
    actor text not null,
    label text not null,
    at timestamptz not null default now(),
    arrivals bigint not null
);
create index record_round on reviews.record (collection_id, round, step, id);

create table reviews.round (
    collection_id bigint not null references reviews.curation (collection_id),
    round integer not null,
    release_number integer not null,
    begun_at timestamptz not null,
    ended_at timestamptz not null default now(),
    steps jsonb not null,
    primary key (collection_id, round)
);

-- A release ends the round, whoever publishes and by which way. One that only withdraws takes nothing curated along: the
-- round goes on.
create function reviews.end_round() returns trigger
language plpgsql security definer set search_path = reviews, public as $$
begin
    insert into reviews.round (collection_id, round, release_number, begun_at, steps)
        select c.collection_id, c.round, new.number, c.begun_at, coalesce(
            (select jsonb_agg(to_jsonb(s) - 'collection_id' order by s.place) from reviews.step s
             where s.collection_id = c.collection_id), '[]')
        from reviews.curation c where c.collection_id = new.collection_id;
    update reviews.curation set round = round + 1, begun_at = now() where collection_id = new.collection_id;
    return new;
end;
$$;
revoke execute on function reviews.end_round from public;
create trigger round_ends after insert on releases.release for each row
    when (new.series_withdrawn = 0 or new.series_added + new.series_revised > 0) execute function reviews.end_round();

-- The work queue: who has an item, and in which batch it is worked off.
create table reviews.batch (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    name text not null,
    assigned_to bigint references accounts.person (id) on delete set null,
    made_by text not null,
    made_at timestamptz not null default now(),
    unique (collection_id, name)
);

alter table reviews.item
    add column batch_id bigint references reviews.batch (id) on delete set null,
    add column assigned_to bigint references accounts.person (id) on delete set null,
    add column assigned_at timestamptz,
    add column approved_once_at timestamptz,
    -- The person behind who read first: with a token somebody is not another person.
    add column approved_once_person bigint,
    add column worst text not null default '',
    -- The newest held object that the checks have seen: a larger one means that the series grew.
    add column newest_object_id bigint not null default 0,
    -- Decided, but its objects are too many to follow in the same transaction: the job "settle" carries the decision over.
    add column is_settling boolean not null default false;
create index item_settling on reviews.item (collection_id, id) where is_settling;
update reviews.item i set worst = coalesce((select f.severity from reviews.finding f where f.item_id = i.id
    order by array_position(array['hold', 'warning', 'info'], f.severity) limit 1), '');
create index item_series on reviews.item (series_id, id);
create index item_waiting on reviews.item (id) where state in ('open', 'deferred');
create index item_assigned on reviews.item (assigned_to, id) where state in ('open', 'deferred') and assigned_to is not null;
create index item_batch on reviews.item (batch_id) where batch_id is not null;

-- Many entries of the journal with one statement: the same verb and detail at many things.
create function audit.note_each(by_actor text, by_verb text, kind text, ids bigint[], with_detail jsonb) returns void
language sql security definer set search_path = audit, public as $$
    insert into audit.entry (actor, verb, thing, detail)
        select by_actor, by_verb, kind || ':' || id, with_detail from unnest(ids) as id order by id;
$$;
revoke execute on function audit.note_each from public;
grant execute on function audit.note_each to invivo_staff;

grant select, insert, update, delete on reviews.curation, reviews.step, reviews.record, reviews.round, reviews.batch
    to invivo_staff;
grant usage, select on all sequences in schema reviews to invivo_staff;
