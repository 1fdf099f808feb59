create schema collections;

create table collections.collection (
    id bigint generated always as identity primary key,
    short_name text not null,
    title text not null,
    summary text not null default '',
    description text not null default '',
    contacts text not null default '',
    funding text not null default '',
    acknowledgement text not null default '',
    species text[] not null default '{}',
    sites text[] not null default '{}',
    licence text not null,
    access text not null check (access in ('open', 'registered', 'controlled', 'embargoed', 'private')),
    is_listed boolean not null default true,
    embargo_until date,
    terms text not null default '',
    review_rule text not null check (review_rule in ('person', 'two-persons', 'on-receipt')),
    profile text not null,
    profile_options text[] not null default '{}',
    state text not null default 'active' check (state in ('active', 'archived')),
    created_at timestamptz not null default now(),
    check (access <> 'embargoed' or embargo_until is not null)
);
create unique index collection_short_name on collections.collection (lower(short_name));

create table collections.member (
    collection_id bigint not null references collections.collection (id),
    person_id bigint not null references accounts.person (id) on delete cascade,
    role text not null check (role in ('owner', 'curator', 'submitter', 'member')),
    primary key (collection_id, person_id, role)
);
create index member_person on collections.member (person_id);
