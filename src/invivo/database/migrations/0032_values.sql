-- What values the cleaned objects hold, for curators only: one row a value of an attribute in a delivery, counted. Values are those
-- that would be published; the public role has no rights to any of it. A value is known by its digest, of which the text is a part.
create table quarantine.value (
    id bigint generated always as identity primary key,
    submission_id bigint not null references submissions.submission (id),
    collection_id bigint not null references collections.collection (id),
    path text not null,
    creator text not null default '',
    vr text not null,
    risk smallint not null,
    value text not null,
    is_summary boolean not null default false,
    digest bytea not null,
    series integer not null default 0,
    objects bigint not null default 0,
    is_accepted boolean not null default false,
    first_at timestamptz not null default now(),
    unique (submission_id, digest)
);
create index value_listed on quarantine.value (submission_id, risk, path, value, digest);
create index value_of_collection on quarantine.value (collection_id, risk, path, value, digest);
create index value_known on quarantine.value (collection_id, digest);

create table quarantine.value_series (
    series_id bigint not null references quarantine.series (id) on delete cascade,
    value_id bigint not null references quarantine.value (id) on delete cascade,
    objects integer not null,
    primary key (series_id, value_id)
);
create index value_series_value on quarantine.value_series (value_id);

-- What a curator looked at and found all right; it stays for later deliveries of the collection.
create table quarantine.value_accepted (
    collection_id bigint not null references collections.collection (id),
    digest bytea not null,
    path text not null,
    accepted_by text not null,
    accepted_at timestamptz not null default now(),
    primary key (collection_id, digest)
);

-- Held series whose cleaned objects are others than those of which the values are counted. A higher stand is a later change.
create sequence quarantine.value_stand;
create table quarantine.value_stale (
    series_id bigint primary key references quarantine.series (id) on delete cascade,
    collection_id bigint not null,
    stand bigint not null,
    at timestamptz not null default now()
);
create index value_stale_collection on quarantine.value_stale (collection_id, at);

-- No job is queued here: who waits for the same job would wait for a long release.
create function quarantine.mark_values(changed bigint[]) returns void
language sql security definer set search_path = quarantine, public as $$
    insert into quarantine.value_stale as s (series_id, collection_id, stand)
        select e.id, e.collection_id, nextval('quarantine.value_stand') from quarantine.series e
        where e.id = any (changed) and e.kind = 'images' order by e.id
        on conflict (series_id) do update set stand = excluded.stand, at = now();
$$;

create function quarantine.values_changed() returns trigger
language plpgsql security definer set search_path = quarantine, public as $$
declare
    changed bigint[];
begin
    select array_agg(distinct a.series_id) into changed from after_it a join before_it b on b.id = a.id
        where (a.state in ('cleaned', 'cleared')) is distinct from (b.state in ('cleaned', 'cleared'))
           or (a.state in ('cleaned', 'cleared') and a.clean_digest is distinct from b.clean_digest);
    if changed is not null then
        perform quarantine.mark_values(changed);
    end if;
    return null;
end;
$$;
create trigger values_are_counted after update on quarantine.object
    referencing old table as before_it new table as after_it for each statement execute function quarantine.values_changed();

create function quarantine.values_came() returns trigger
language plpgsql security definer set search_path = quarantine, public as $$
begin
    perform quarantine.mark_values(array[new.series_id]);
    return null;
end;
$$;
create trigger values_are_new after insert on quarantine.object
    for each row when (new.state in ('cleaned', 'cleared')) execute function quarantine.values_came();

-- Values that are taken out everywhere. They belong to the rules of a collection from a version on, until they are dropped.
create table submissions.value_rule (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    version integer not null,
    kind text not null check (kind in ('value', 'word')),
    path text not null default '',
    digest bytea,
    shown text not null,
    action text not null check (action in ('remove', 'empty', 'replace')),
    replacement text not null default '',
    made_by text not null,
    made_at timestamptz not null default now(),
    dropped_by text,
    dropped_at timestamptz,
    foreign key (collection_id, version) references collections.profile (collection_id, version)
);
create unique index value_rule_one on submissions.value_rule (collection_id, kind, coalesce(digest, ''::bytea), lower(shown))
    where dropped_at is null;

-- A run of rules over chosen held series only.
alter table submissions.rules_run drop constraint rules_run_kind_check;
alter table submissions.rules_run add constraint rules_run_kind_check check (kind in ('trial', 'rerun', 'clean'));
create table submissions.rules_run_series (
    run_id bigint not null references submissions.rules_run (id) on delete cascade,
    series_id bigint not null references quarantine.series (id) on delete cascade,
    primary key (run_id, series_id)
);

-- Held series that belong to another subject or study than they say. What is in force for a series are the moves of it that were
-- not undone, the later above the earlier, each for what it changes.
create table submissions.move (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    kind text not null check (kind in ('subject', 'split', 'merge')),
    subject_label text not null default '',
    offset_days integer,
    study_uid text not null default '',
    attributes jsonb not null default '{}',
    reason text not null default '',
    made_by text not null,
    made_at timestamptz not null default now(),
    undone_by text,
    undone_at timestamptz
);
create index move_collection on submissions.move (collection_id, id);
create table submissions.move_series (
    move_id bigint not null references submissions.move (id) on delete cascade,
    series_id bigint not null references quarantine.series (id),
    was_label text not null,
    was_study text not null,
    primary key (move_id, series_id)
);
create index move_series_series on submissions.move_series (series_id);

-- How strict a collection is about references and the form of objects.
create table submissions.gate (
    collection_id bigint primary key references collections.collection (id),
    missing text not null default 'warn' check (missing in ('allow', 'warn', 'hold')),
    form text not null default 'warn' check (form in ('allow', 'warn', 'hold')),
    named bigint[] not null default '{}',
    set_by text not null,
    set_at timestamptz not null default now()
);

-- Which series a held series refers to, and which objects it refers to that are not here: by these it is found when they come.
create table quarantine.refers (
    series_id bigint not null references quarantine.series (id) on delete cascade,
    series_uid text not null,
    primary key (series_id, series_uid)
);
create index refers_to on quarantine.refers (series_uid);
create table quarantine.missing (
    series_id bigint not null references quarantine.series (id) on delete cascade,
    collection_id bigint not null,
    sop_uid text not null,
    primary key (series_id, sop_uid)
);
create index missing_uid on quarantine.missing (sop_uid);
create index object_clean_uid on quarantine.object (clean_sop_uid) where state in ('cleaned', 'cleared');
create index series_clean_study on quarantine.series (collection_id, clean_study_uid) where clean_study_uid <> '';
create index series_clean_series on quarantine.series (clean_series_uid) where clean_series_uid <> '';

grant select, insert, update, delete on quarantine.value, quarantine.value_series, quarantine.value_accepted, quarantine.value_stale,
    quarantine.refers, quarantine.missing, submissions.value_rule, submissions.rules_run_series, submissions.move,
    submissions.move_series, submissions.gate to invivo_staff;
grant usage, select on all sequences in schema quarantine, submissions to invivo_staff;
revoke execute on function quarantine.mark_values, quarantine.values_changed, quarantine.values_came from public;
grant execute on function quarantine.mark_values to invivo_staff;
