-- The rules of a collection as versions: a row is never changed but for being put in force, and only forward. The lookup table of
-- a script holds identifiers, so the public role may read nothing of it.
create table collections.profile (
    collection_id bigint not null references collections.collection (id),
    version integer not null check (version > 0),
    kind text not null check (kind in ('builtin', 'toml', 'ctp', 'dicomedit')),
    text text not null,
    pixel_text text not null default '',
    filter_text text not null default '',
    lookup text not null default '',
    lookup_form text not null default '' check (lookup_form in ('', 'properties', 'csv', 'dicomedit')),
    accepted text[] not null default '{}',
    head_policy text not null default 'allow' check (head_policy in ('allow', 'hold', 'evidence')),
    note text not null default '',
    made_by text not null,
    made_at timestamptz not null default now(),
    in_force_at timestamptz,
    in_force_by text not null default '',
    primary key (collection_id, version)
);
insert into collections.profile (collection_id, version, kind, text, note, made_by, made_at, in_force_at, in_force_by)
    select id, 1, 'builtin', array_to_string(array_prepend(profile, profile_options), ' '), 'as it was before versions', 'system',
        created_at, now(), 'system' from collections.collection;

-- A trial of rules that writes nothing, or a re-run of the rules in force. Both go series by series; where they are stands here,
-- written together with what a series gave. The report holds names of attributes and counts, no values.
create table submissions.rules_run (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    kind text not null check (kind in ('trial', 'rerun')),
    version integer not null,
    compared_with integer not null,
    most_objects integer not null default 0,
    is_automatic boolean not null default false,
    submission_id bigint references submissions.submission (id),
    state text not null default 'running' check (state in ('running', 'done', 'stopped')),
    reason text not null default '',
    last_held bigint not null,
    last_released bigint not null,
    at_held bigint not null default 0,
    at_released bigint not null default 0,
    restarted bigint,
    series_total integer not null,
    series_done integer not null default 0,
    report jsonb not null default '{}',
    asked_by text not null,
    asked_at timestamptz not null default now(),
    touched_at timestamptz not null default now(),
    ended_at timestamptz,
    foreign key (collection_id, version) references collections.profile (collection_id, version)
);
create index rules_run_collection on submissions.rules_run (collection_id, id);
create unique index rules_run_one on submissions.rules_run (collection_id) where kind = 'rerun' and state = 'running';

-- A released object that goes through other rules comes back by the door `rerun`, cleaned already: to clean it as if it were an
-- original would give it other UIDs, so it can never be in the state received.
alter table quarantine.object add constraint rerun_is_not_received check (door <> 'rerun' or state <> 'received');

-- What is withdrawn must not come back by a re-run that still waits for its decision.
create function quarantine.drop_rerun() returns trigger
language plpgsql set search_path = quarantine, public as $$
begin
    update quarantine.object set state = 'discarded', actions = null, clean_header = null
        where collection_id = new.collection_id and door = 'rerun' and state in ('cleaned', 'cleared')
          and facts->'facts'->>'series_uid' = new.series_uid;
    return new;
end;
$$;
create trigger withdrawn_rerun after insert on releases.tombstone
    for each row execute function quarantine.drop_rerun();

grant select, insert, update (in_force_at, in_force_by) on collections.profile to invivo_staff;
grant select, insert, update on submissions.rules_run to invivo_staff;
grant usage, select on all sequences in schema submissions to invivo_staff;
revoke execute on function quarantine.drop_rerun() from public;
grant execute on function quarantine.drop_rerun() to invivo_staff;
