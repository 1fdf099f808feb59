-- Identifiers are numbered in the order in which they are told, so that it is known which of them an object was cleaned with.
alter table quarantine.identifier add column told bigint generated always as identity;

-- A subject whose earlier objects are looked at again, because an object that came later told an identifier. The pass begins when
-- nothing new was told for a while, goes object by object, and is taken up where it stopped. told_to is the number of the newest
-- identifier that the pass looks for (0: it has not begun). Who asks while it runs is answered by another pass.
create table submissions.recheck (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    subject_label text not null,
    told_to bigint not null default 0,
    at_held bigint not null default 0,
    at_released bigint not null default 0,
    is_asked_again boolean not null default false,
    submission_id bigint references submissions.submission (id),
    asked_at timestamptz not null default now(),
    due_at timestamptz not null,
    touched_at timestamptz not null default now(),
    unique (collection_id, subject_label)
);

-- Keyed digests of the identifiers that all objects of a subject have been looked through for. They tell nothing without the
-- archive's key, and stay when the identifiers themselves are forgotten.
create table submissions.proven (
    collection_id bigint not null references collections.collection (id),
    subject_label text not null,
    digest bytea not null,
    primary key (collection_id, subject_label, digest)
);

create index object_subject on quarantine.object (collection_id, (facts->>'subject_label'), id)
    where state in ('cleaned', 'cleared');

grant select, insert, update, delete on submissions.recheck, submissions.proven to invivo_staff;
grant usage, select on all sequences in schema submissions to invivo_staff;
