create table public.migration (
    number integer primary key,
    name text not null,
    applied_at timestamptz not null default now()
);

create schema audit;

create table audit.entry (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    actor text not null,
    verb text not null,
    thing text not null,
    detail jsonb not null default '{}'
);
create index entry_thing on audit.entry (thing, id);

create function audit.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the journal is append-only';
end;
$$;

create trigger entry_is_append_only before update or delete on audit.entry
    for each row execute function audit.refuse_change();
create trigger entry_is_never_emptied before truncate on audit.entry
    for each statement execute function audit.refuse_change();
