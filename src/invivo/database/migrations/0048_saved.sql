-- Queries that people keep by name, share by link, and are told of.
create table search.saved (
    id bigint generated always as identity primary key,
    token text not null unique,
    person_id bigint not null references accounts.person (id) on delete cascade,
    name text not null check (length(name) between 1 and 100),
    query text not null check (length(query) <= 20000),
    form text not null default '' check (length(form) <= 1000),
    is_shared boolean not null default false,
    is_subscribed boolean not null default false,
    told_until bigint not null default 0,
    told_at timestamptz,
    created_at timestamptz not null default now(),
    unique (person_id, name)
);
create index saved_subscribed on search.saved (id) where is_subscribed;

-- How far series were numbered at a moment. It counts once every transaction of that moment has ended: numbers become visible
-- out of order.
create table search.mark (
    series_id bigint not null,
    xid xid8 not null default pg_current_xact_id(),
    is_reached boolean not null default false
);
grant select, insert, update, delete on search.saved to invivo_public, invivo_staff;
grant select on search.mark to invivo_public;
grant select, insert, update, delete on search.mark to invivo_staff;
