-- Withdrawing everywhere, deleting by two persons, legal holds, and quality marks of series.

-- Which releases a row belonged to before it was hidden from all of them; its range is then empty, so that no door finds it.
alter table images.series add column former int4range;
alter table images.instance add column former int4range;

alter table releases.tombstone
    add column scope text not null default 'onward' check (scope in ('onward', 'everywhere')),
    add column series_key bigint,
    add column since_release integer,
    add column restored_at timestamptz,
    add column restored_in integer,
    add column deleted_at timestamptz;
create index tombstone_key on releases.tombstone (series_key);

-- A release that only puts back what was withdrawn ends no round of curation, as one that only withdraws does not.
alter table releases.release add column is_restoring boolean not null default false;
drop trigger round_ends on releases.release;
create trigger round_ends after insert on releases.release for each row
    when (not new.is_restoring and (new.series_withdrawn = 0 or new.series_added + new.series_revised > 0))
    execute function reviews.end_round();

-- Deleting: asked for by one person, approved by another, done by the worker after a date.
create table releases.deletion (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    state text not null default 'asked'
        check (state in ('asked', 'approved', 'declined', 'restored', 'removing', 'deleted')),
    reason text not null,
    series_count integer not null,
    object_count bigint not null,
    size_bytes bigint not null,
    due_at timestamptz not null,
    asked_by text not null,
    asked_person bigint,
    asked_label text not null,
    asked_at timestamptz not null default now(),
    decided_by text,
    decided_person bigint,
    decided_label text not null default '',
    decided_at timestamptz,
    remark text not null default '',
    ended_at timestamptz
);
create index deletion_collection on releases.deletion (collection_id, id);
create index deletion_waiting on releases.deletion (due_at) where state in ('approved', 'removing');

create table releases.deletion_series (
    deletion_id bigint not null references releases.deletion (id),
    series_key bigint not null,
    series_uid text not null,
    subject_label text not null,
    is_open boolean not null default true,
    primary key (deletion_id, series_key)
);
create unique index deletion_series_open on releases.deletion_series (series_key) where is_open;
create index deletion_series_uid on releases.deletion_series (series_uid);

-- Files whose rows are gone and which are to be removed; a line goes when its file is gone.
create table releases.removal (
    id bigint generated always as identity primary key,
    deletion_id bigint not null references releases.deletion (id),
    kind text not null check (kind in ('object', 'series')),
    value text not null
);
create index removal_deletion on releases.removal (deletion_id);

create table releases.hold (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    subject_label text not null default '',
    series_uid text not null default '',
    reason text not null,
    set_by text not null,
    set_label text not null,
    set_at timestamptz not null default now(),
    lifted_by text,
    lifted_label text not null default '',
    lifted_at timestamptz,
    lift_reason text not null default '',
    check (subject_label = '' or series_uid = '')
);
create unique index hold_open on releases.hold (collection_id, subject_label, series_uid) where lifted_at is null;

-- What people think of a series, each for themselves; the newest of all stands beside the series.
alter table images.series add column quality text check (quality in ('usable', 'questionable', 'unusable'));
create index series_quality on images.series (quality) where quality is not null and upper_inf(releases);
create table images.quality_mark (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    series_uid text not null,
    revision integer not null,
    mark text not null check (mark in ('usable', 'questionable', 'unusable')),
    reasons text[] not null default '{}',
    note text not null default '',
    marked_by text not null,
    person_id bigint,
    label text not null,
    part text not null check (part in ('owner', 'contractor', 'staff')),
    marked_at timestamptz not null default now()
);
create index quality_mark_series on images.quality_mark (collection_id, series_uid, id);

-- Visitors are shown the mark, never who set it nor their words; holds and deletions are no business of theirs.
grant select (id, collection_id, series_uid, revision, mark, reasons, part, marked_at) on images.quality_mark to invivo_public;
grant select (id, collection_id, subject_label, series_uid, set_at, lifted_at) on releases.hold to invivo_public;
grant select, insert, update, delete on releases.deletion, releases.deletion_series, releases.removal, releases.hold,
    images.quality_mark to invivo_staff;
grant usage, select on all sequences in schema releases, images to invivo_staff;
