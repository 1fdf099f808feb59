-- What identifies a subject in any of the objects that are held, so that it is taken out of all of them. It goes when
-- every object of the series is released or discarded.
create table quarantine.identifier (
    series_id bigint not null references quarantine.series (id) on delete cascade,
    collection_id bigint not null,
    subject_label text not null,
    kind text not null,
    value text not null,
    primary key (series_id, subject_label, kind, value)
);
create index identifier_subject on quarantine.identifier (collection_id, subject_label);
grant select, insert, update, delete on quarantine.identifier to invivo_staff;
