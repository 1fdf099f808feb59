create schema images;

create sequence images.series_key;

create table images.study (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    subject_id bigint not null references subjects.subject (id),
    uid text not null,
    study_date date,
    study_time text,
    study_id text,
    accession_number text,
    description text,
    referring_physician text,
    patient_age text,
    unique (collection_id, uid)
);
create index study_uid on images.study (uid);
create index study_subject on images.study (subject_id);
create index study_study_date on images.study (study_date);

-- One row a revision of a series: it belongs to the releases [lower, upper).
create table images.series (
    id bigint generated always as identity primary key,
    key bigint not null default nextval('images.series_key'),
    revision integer not null default 1,
    releases int4range not null,
    collection_id bigint not null references collections.collection (id),
    subject_id bigint not null references subjects.subject (id),
    study_id bigint not null references images.study (id),
    uid text not null,
    access text check (access in ('open', 'registered', 'controlled', 'embargoed', 'private')),
    modality text not null,
    number integer,
    description text,
    series_date date,
    series_time text,
    body_part text,
    laterality text,
    protocol text,
    manufacturer text,
    model text,
    software text,
    contrast text,
    patient_position text,
    frame_of_reference_uid text,
    slice_thickness_mm double precision,
    spacing_between_slices_mm double precision,
    pixel_spacing_mm double precision,
    kvp double precision,
    rows integer,
    columns integer,
    instance_count integer not null,
    frame_count bigint not null,
    size_bytes bigint not null,
    sop_classes text[] not null,
    transfer_syntaxes text[] not null,
    cover_instance_id bigint,
    entered_at timestamptz not null default now(),
    text tsvector not null default ''
);
create unique index series_current on images.series (collection_id, uid) where upper_inf(releases);
create index series_uid on images.series (uid);
create index series_key_revision on images.series (key, revision);
create index series_study on images.series (study_id);
create index series_subject on images.series (subject_id);
create index series_modality on images.series (modality) where upper_inf(releases);
create index series_text on images.series using gin (text) where upper_inf(releases);
create index series_entered on images.series (entered_at desc) where upper_inf(releases);

create table images.instance (
    id bigint generated always as identity primary key,
    series_key bigint not null,
    releases int4range not null,
    uid text not null,
    sop_class_uid text not null,
    transfer_syntax_uid text not null,
    number integer,
    rows integer,
    columns integer,
    bits_allocated integer,
    frames integer not null default 1,
    digest text not null,
    size_bytes bigint not null,
    crc32 bigint not null,
    pixel_offset bigint,
    pixel_length bigint,
    frame_offsets bytea,
    header bytea not null
);
create unique index instance_current on images.instance (series_key, uid) where upper_inf(releases);
create index instance_uid on images.instance (uid);
create index instance_digest on images.instance (digest);
