-- Who made a collection, who paid for it, what it belongs to, and its persistent identifiers: one for the collection as a
-- whole (number 0) and one for each release.
create table releases.credit (
    collection_id bigint primary key references collections.collection (id),
    creators jsonb not null default '[]',
    funders jsonb not null default '[]',
    related jsonb not null default '[]',
    keywords text[] not null default '{}',
    methods text not null default '',
    updated_at timestamptz not null default now()
);

create table releases.identifier (
    collection_id bigint not null references collections.collection (id),
    number integer not null,
    name text not null unique,
    doi text unique,
    state text not null check (state in ('local', 'draft', 'registered', 'findable')),
    wanted text not null check (wanted in ('local', 'draft', 'registered', 'findable')),
    url text not null,
    attempts integer not null default 0,
    error text not null default '',
    made_at timestamptz not null default now(),
    settled_at timestamptz,
    primary key (collection_id, number)
);
create index identifier_unsettled on releases.identifier (collection_id) where state <> wanted;

grant select on releases.credit, releases.identifier to invivo_public;
grant select, insert, update, delete on releases.credit, releases.identifier to invivo_staff;
