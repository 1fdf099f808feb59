-- Carts with names, whole answers in them as they were at one moment, and links to share them.

create unique index cart_name on carts.cart (person_id, lower(name)) where person_id is not null and name <> '';

-- What the choices of a cart hold together, each series once: how many, and in groups of what decides who may have them.
-- Written whenever a choice comes or goes.
alter table carts.cart add column chosen_count integer not null default 0, add column chosen_groups jsonb not null default '[]';

-- All that a query found at one moment. The rows of series are named, so that it never means anything else afterwards.
create table carts.choice (
    id bigint generated always as identity primary key,
    cart_id text not null references carts.cart (id) on delete cascade,
    query text not null,
    series_ids bigint[] not null,
    groups jsonb not null,
    releases jsonb not null,
    pinned_at timestamptz not null default now()
);
create index choice_cart on carts.choice (cart_id);

-- What was current once and is not any more: few rows, by which a choice learns what left since.
create index series_ended on images.series (id) where not upper_inf(releases);

-- Links to a cart; only a digest of the secret is kept.
create table carts.share (
    id bigint generated always as identity primary key,
    cart_id text not null references carts.cart (id) on delete cascade,
    digest bytea not null unique,
    may_change boolean not null,
    made_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz
);
create index share_cart on carts.share (cart_id, id);

grant select, insert, update, delete on carts.choice, carts.share to invivo_public, invivo_staff;
grant usage, select on all sequences in schema carts to invivo_public, invivo_staff;
