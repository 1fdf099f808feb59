-- What changed, in an order that mirrors can rely on: a number is shown only when no lower one can still appear.
create table releases.change (
    seq bigint generated always as identity primary key,
    at timestamptz not null default now(),
    xact xid8 not null default pg_current_xact_id(),
    collection_id bigint not null references collections.collection (id),
    number integer,
    kind text not null check (kind in ('created', 'revised', 'withdrawn', 'released', 'policy')),
    series_uid text
);
create index change_collection on releases.change (collection_id, seq);

create table releases.hook (
    id bigint generated always as identity primary key,
    collection_id bigint references collections.collection (id),
    url text not null,
    secret text not null,
    made_by bigint references accounts.person (id) on delete set null,
    made_at timestamptz not null default now(),
    is_active boolean not null default true,
    told_seq bigint not null,
    failures integer not null default 0,
    error text not null default ''
);

grant select on releases.change to invivo_public;
grant select, insert, update, delete on releases.change, releases.hook to invivo_staff;
grant usage, select on all sequences in schema releases to invivo_staff;

-- Whoever changes a policy, the feed says so: mirrors must know before they serve on.
create function releases.note_policy() returns trigger
language plpgsql security definer set search_path = releases, public as $$
begin
    insert into releases.change (collection_id, kind) values (new.id, 'policy');
    return new;
end;
$$;
revoke execute on function releases.note_policy from public;
create trigger policy_is_told after update of access, licence, embargo_until, is_listed, hides_metadata, state, terms
    on collections.collection for each row
    when ((old.access, old.licence, old.embargo_until, old.is_listed, old.hides_metadata, old.state, old.terms)
        is distinct from (new.access, new.licence, new.embargo_until, new.is_listed, new.hides_metadata, new.state, new.terms))
    execute function releases.note_policy();
