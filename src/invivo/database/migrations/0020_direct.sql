-- An archive of a house's own keeps objects as they come. They wait here, durable and acknowledged, until the worker enters
-- them into the collection's growing release. The public doors can put something in, and read nothing.
create table images.arrived (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    study_uid text not null,
    series_uid text not null,
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
    header bytea not null,
    facts text not null
);
create index arrived_collection on images.arrived (collection_id, id);
grant insert on images.arrived to invivo_public;
grant select, insert, update, delete on images.arrived to invivo_staff;

create function intake.enter(collection bigint) returns void
language plpgsql security definer set search_path = public as $$
begin
    perform jobs.enqueue('enter', collection::text, null);
end;
$$;
revoke execute on function intake.enter(bigint) from public;
grant execute on function intake.enter(bigint) to invivo_public, invivo_staff;

-- A release that grows takes in what comes until the next one is published.
alter table releases.release add column is_growing boolean not null default false;
create unique index release_growing on releases.release (collection_id) where is_growing;

-- How often a revision grew: names what is derived of it.
alter table images.series add column growth integer not null default 0;

-- Objects that are kept as they came have a name and a date of birth beside the label, which is their patient id.
alter table subjects.subject add column name text;
alter table subjects.subject add column birth_date date;

alter table collections.collection drop constraint collection_review_rule_check;
alter table collections.collection add constraint collection_review_rule_check
    check (review_rule in ('person', 'two-persons', 'on-receipt', 'direct'));
