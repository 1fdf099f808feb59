-- Rectangles that a curator drew over the pictures of a held series, and how far they are applied. Coordinates are pixels from
-- the top left of a picture; nothing of a picture is in these tables. The public role may not read any of it.
create table submissions.mask (
    id bigint generated always as identity primary key,
    series_id bigint not null references quarantine.series (id),
    rectangles jsonb not null,
    frames integer[] not null default '{}',
    made_by text not null,
    made_at timestamptz not null default now()
);
create index mask_series on submissions.mask (series_id);

create table submissions.mask_object (
    mask_id bigint not null references submissions.mask (id) on delete cascade,
    object_id bigint not null references quarantine.object (id),
    state text not null default 'waiting' check (state in ('waiting', 'done', 'failed')),
    attempts integer not null default 0,
    primary key (mask_id, object_id)
);
create index mask_object_object on submissions.mask_object (object_id);
create index mask_object_waiting on submissions.mask_object (mask_id) where state = 'waiting';

-- A cleaned object whose pixels are about to be changed must not be cleared before they are.
alter table quarantine.object add column is_changing boolean not null default false;

-- Cleaned files that others have taken the place of; they are deleted once nothing needs them.
create table quarantine.replaced (
    digest text primary key,
    at timestamptz not null default now()
);

grant select, insert, update, delete on submissions.mask, submissions.mask_object, quarantine.replaced to invivo_staff;
grant usage, select on all sequences in schema submissions to invivo_staff;
