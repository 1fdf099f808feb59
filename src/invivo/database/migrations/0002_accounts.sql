create schema accounts;

create table accounts.person (
    id bigint generated always as identity primary key,
    name text not null,
    display_name text not null default '',
    email text not null default '',
    password_hash text not null,
    site_roles text[] not null default '{}',
    is_active boolean not null default true,
    created_at timestamptz not null default now()
);
create unique index person_name on accounts.person (lower(name));

create table accounts.session (
    digest bytea primary key,
    person_id bigint not null references accounts.person (id) on delete cascade,
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index session_person on accounts.session (person_id);

create table accounts.token (
    id bigint generated always as identity primary key,
    digest bytea not null unique,
    person_id bigint not null references accounts.person (id) on delete cascade,
    name text not null,
    scopes text[] not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);
create index token_person on accounts.token (person_id);

create table accounts.attempt (
    id bigint generated always as identity primary key,
    subject text not null,
    at timestamptz not null default now()
);
create index attempt_subject on accounts.attempt (subject, at);
