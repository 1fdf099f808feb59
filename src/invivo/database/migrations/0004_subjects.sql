create schema subjects;

create table subjects.subject (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    label text not null,
    sex text,
    species text,
    unique (collection_id, label)
);
