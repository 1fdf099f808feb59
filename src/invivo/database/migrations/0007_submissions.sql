create schema submissions;

create table submissions.submission (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    title text not null,
    state text not null default 'open' check (state in ('open', 'closed')),
    created_by bigint references accounts.person (id),
    created_at timestamptz not null default now(),
    closed_at timestamptz
);
create index submission_collection on submissions.submission (collection_id);

-- Who delivers for a submission: a DICOM peer (called and calling titles, address; an empty one matches any) or a person.
create table submissions.sender (
    id bigint generated always as identity primary key,
    submission_id bigint not null references submissions.submission (id),
    called_aet text not null default '',
    calling_aet text not null default '',
    address inet,
    created_at timestamptz not null default now()
);
create unique index sender_identity on submissions.sender (called_aet, calling_aet, coalesce(address, '0.0.0.0/0'));

create table submissions.upload (
    id text primary key,
    submission_id bigint not null references submissions.submission (id),
    person_id bigint references accounts.person (id) on delete cascade,
    name text not null,
    length bigint not null,
    received bigint not null default 0,
    state text not null default 'open' check (state in ('open', 'complete', 'refused')),
    receipt jsonb,
    created_at timestamptz not null default now()
);
create index upload_submission on submissions.upload (submission_id);
