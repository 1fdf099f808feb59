create schema usage;

create table usage.download (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    door text not null,
    collection_id bigint not null,
    series_count integer not null,
    size_bytes bigint not null
);
create index download_collection on usage.download (collection_id, at);
