-- Catalogues of other archives: their collections and series are shown and searched here, the bytes stay where they are.

-- Which collection mirrors what, and in which state: who loads the same again changes nothing.
create table collections.mirrored (
    collection_id bigint primary key references collections.collection (id),
    catalogue text not null,
    name text not null,
    version text not null,
    page_digest bytea not null,
    rows_digest bytea,
    loaded_at timestamptz not null default now(),
    unique (catalogue, name)
);

-- What a collection is made of, where its parts were published each on its own: the data first shared, and what others made of it.
create table collections.dataset (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    name text not null,
    title text not null,
    doi text not null default '',
    citation text not null default '',
    licence text not null,
    is_result boolean not null,
    unique (collection_id, name)
);

-- Where the bytes of a series lie that has none here; state: a digest of all that the catalogue says of it.
create table images.location (
    series_id bigint primary key references images.series (id) on delete cascade,
    url text not null,
    dataset_id bigint,
    state uuid not null
);

grant select on collections.dataset, collections.mirrored, images.location to invivo_public;
grant select, insert, update, delete on collections.dataset, collections.mirrored, images.location to invivo_staff;
grant usage, select on all sequences in schema collections to invivo_staff;

-- After very many rows: the words that wait get into the index, and the planner learns what has come. Only an owner may.
create function images.settle() returns void
language plpgsql security definer set search_path = images, pg_catalog as $$
begin
    perform gin_clean_pending_list('images.series_text'::regclass);
    analyze images.series;
    analyze images.study;
    analyze images.location;
    analyze subjects.subject;
end;
$$;
revoke execute on function images.settle from public;
grant execute on function images.settle to invivo_staff;
