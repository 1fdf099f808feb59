create schema attachments;

create table attachments.attachment (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    releases int4range not null,
    name text not null,
    media_type text not null,
    digest text not null,
    size_bytes bigint not null,
    crc32 bigint not null
);
create unique index attachment_current on attachments.attachment (collection_id, name) where upper_inf(releases);
