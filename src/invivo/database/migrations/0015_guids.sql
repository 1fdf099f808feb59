-- Pseudonymous identifiers of people. A code arrives as the result of a slow one-way function over a combination of personal
-- data; what is kept is its HMAC under the installation's key, so that a stolen table says nothing without the key.
-- The public role may not read any of it.
create table subjects.guid (
    id bigint generated always as identity primary key,
    label text not null unique,
    kind text not null check (kind in ('guid', 'pseudo')),
    alias_of bigint references subjects.guid (id) check (alias_of <> id),
    person_id bigint references accounts.person (id),
    asked_by text not null,
    asked_label text not null default '',
    made_at timestamptz not null default now()
);
create index guid_alias on subjects.guid (alias_of) where alias_of is not null;

create table subjects.guid_code (
    combination text not null,
    digest bytea not null check (octet_length(digest) = 32),
    guid_id bigint not null references subjects.guid (id),
    primary key (combination, digest, guid_id)
);
create index guid_code_guid on subjects.guid_code (guid_id);
-- All fields together belong to one person, whoever asks and however many ask at once.
create unique index guid_code_full on subjects.guid_code (digest) where combination = 'full';

create table subjects.guid_match (
    id bigint generated always as identity primary key,
    first_id bigint not null references subjects.guid (id),
    second_id bigint not null references subjects.guid (id),
    agreeing text[] not null,
    differing text[] not null,
    state text not null default 'open' check (state in ('open', 'same', 'different', 'moved')),
    opened_at timestamptz not null default now(),
    decided_at timestamptz,
    decided_by text,
    reason text not null default '',
    check (first_id < second_id),
    unique (first_id, second_id)
);
create index guid_match_open on subjects.guid_match (id) where state = 'open';
create index guid_match_second on subjects.guid_match (second_id);

-- How many more people an account may ask about: filled up steadily, emptied by asking.
create table subjects.guid_quota (
    account text primary key,
    level double precision not null,
    at timestamptz not null
);

grant select, insert, update, delete on subjects.guid, subjects.guid_code, subjects.guid_match, subjects.guid_quota
    to invivo_staff;
grant usage, select on all sequences in schema subjects to invivo_staff;
