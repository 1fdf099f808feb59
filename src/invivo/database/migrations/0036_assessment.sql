create schema assessment;

-- A walk over all released objects and files, in the order of their numbers; the walk that has not ended goes on where it stands.
create table assessment.round (
    id bigint generated always as identity primary key,
    began_at timestamptz not null,
    ended_at timestamptz,
    objects bigint not null default 0,
    size_bytes bigint not null default 0,
    after_instance bigint not null default 0,
    after_file bigint not null default 0
);
create unique index round_open on assessment.round ((ended_at is null)) where ended_at is null;

create table assessment.damage (
    digest text primary key,
    kind text not null check (kind in ('missing', 'changed')),
    found_at timestamptz not null,
    mended_at timestamptz
);

-- What the people who run the archive say to a requirement, beside what the archive shows by itself.
create table assessment.statement (
    framework text not null,
    requirement text not null,
    text text not null,
    said_by text not null,
    said_at timestamptz not null default now(),
    primary key (framework, requirement)
);

grant usage on schema assessment to invivo_public, invivo_staff;
grant select on all tables in schema assessment to invivo_public;
grant select, insert, update, delete on all tables in schema assessment to invivo_staff;
grant usage, select on all sequences in schema assessment to invivo_staff;
