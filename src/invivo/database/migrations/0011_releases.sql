create schema releases;

create table releases.release (
    collection_id bigint not null references collections.collection (id),
    number integer not null,
    notes text not null default '',
    licence text not null,
    access text not null,
    published_at timestamptz not null default now(),
    published_by text not null,
    series_added integer not null,
    series_revised integer not null,
    series_withdrawn integer not null,
    instance_count bigint not null,
    size_bytes bigint not null,
    primary key (collection_id, number)
);

create table releases.tombstone (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    series_uid text not null,
    study_uid text not null,
    subject_label text not null,
    modality text not null,
    release_number integer not null,
    reason_class text not null,
    reason text not null,
    withdrawn_at timestamptz not null default now(),
    withdrawn_by text not null,
    unique (collection_id, series_uid, release_number)
);
create index tombstone_series on releases.tombstone (series_uid);
