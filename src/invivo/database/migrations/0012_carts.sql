create schema carts;

create table carts.cart (
    id text primary key,
    person_id bigint references accounts.person (id) on delete cascade,
    name text not null default '',
    created_at timestamptz not null default now(),
    touched_at timestamptz not null default now()
);
create index cart_person on carts.cart (person_id);

create table carts.line (
    cart_id text not null references carts.cart (id) on delete cascade,
    collection_id bigint not null,
    series_uid text not null,
    added_at timestamptz not null default now(),
    primary key (cart_id, collection_id, series_uid)
);
