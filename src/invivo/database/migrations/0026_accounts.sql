-- How people come in, prove who they are, and stay: registration, terms, second factors, sign-in elsewhere, renewal.
alter table accounts.person
    add column affiliation text not null default '',
    add column country text not null default '',
    add column orcid text not null default '',
    add column mail_checked_at timestamptz,
    add column renewed_at timestamptz not null default now(),
    add column reminded smallint not null default 0;
create index person_email on accounts.person (lower(email)) where email <> '';

alter table accounts.session
    add column id bigint generated always as identity,
    add column is_strong boolean not null default false,
    add column agent text not null default '';
alter table accounts.token add column is_strong boolean not null default false;

-- Secrets that work once: links that were mailed, sign-ins that went elsewhere, challenges. Only digests of them are here.
create table accounts.once (
    digest bytea primary key,
    purpose text not null,
    person_id bigint references accounts.person (id) on delete cascade,
    detail jsonb not null default '{}',
    expires_at timestamptz not null
);
create index once_expiry on accounts.once (expires_at);

create table accounts.terms (
    version text primary key,
    text text not null,
    since timestamptz not null default now()
);
create table accounts.acceptance (
    person_id bigint not null references accounts.person (id) on delete cascade,
    version text not null references accounts.terms (version),
    at timestamptz not null default now(),
    primary key (person_id, version)
);

create table accounts.registration (
    id bigint generated always as identity primary key,
    name text not null,
    display_name text not null,
    email text not null,
    affiliation text not null,
    country text not null,
    password_hash text not null,
    terms_version text,
    issuer text not null default '',
    subject text not null default '',
    is_mail_checked boolean not null default true,
    asked_at timestamptz not null default now(),
    state text not null default 'waiting' check (state in ('waiting', 'approved', 'declined')),
    decided_by text not null default '',
    decided_at timestamptz,
    reason text not null default '',
    person_id bigint references accounts.person (id) on delete set null
);
create unique index registration_name on accounts.registration (lower(name)) where state = 'waiting';

-- roles: pairs of a collection's number and a role in it, which `collections.join_by_invitation` gives.
create table accounts.invitation (
    id bigint generated always as identity primary key,
    digest bytea not null unique,
    email text not null,
    roles jsonb not null default '[]',
    invited_by bigint references accounts.person (id) on delete set null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    taken_by bigint references accounts.person (id) on delete set null,
    taken_at timestamptz,
    withdrawn_at timestamptz
);

create table accounts.totp (
    person_id bigint primary key references accounts.person (id) on delete cascade,
    sealed bytea not null,
    last_step bigint not null,
    created_at timestamptz not null default now()
);
create table accounts.recovery (
    person_id bigint not null references accounts.person (id) on delete cascade,
    digest bytea not null,
    primary key (person_id, digest)
);
create table accounts.passkey (
    id bigint generated always as identity primary key,
    person_id bigint not null references accounts.person (id) on delete cascade,
    credential_id bytea not null unique,
    public_key bytea not null,
    sign_count bigint not null,
    label text not null,
    created_at timestamptz not null default now(),
    used_at timestamptz
);
create index passkey_person on accounts.passkey (person_id);

create table accounts.identity (
    issuer text not null,
    subject text not null,
    person_id bigint not null references accounts.person (id) on delete cascade,
    linked_at timestamptz not null default now(),
    used_at timestamptz,
    primary key (issuer, subject)
);
create index identity_person on accounts.identity (person_id);

create index message_unread on notices.message (person_id) where read_at is null and person_id is not null;

-- The public door lets people in, but gives nobody a role of the archive and reopens no account.
create function accounts.admit(of_name text, shown text, mail text, hashed text, works_at text, lives_in text, is_checked boolean)
returns bigint language sql security definer set search_path = accounts, public as $$
    insert into accounts.person (name, display_name, email, password_hash, affiliation, country, mail_checked_at)
    values (of_name, shown, mail, hashed, works_at, lives_in, case when is_checked then now() end)
    returning id;
$$;
create function accounts.close_own(who bigint) returns void
language sql security definer set search_path = accounts, public as $$
    update accounts.person set is_active = false where id = who;
    delete from accounts.session where person_id = who;
$$;
-- Takes an invitation for a person; null when it is taken, withdrawn or over. Whoever calls proves that they know its secret.
create function accounts.take_invitation(secret_digest bytea, who bigint) returns bigint
language sql security definer set search_path = accounts, public as $$
    update accounts.invitation set taken_by = who, taken_at = now()
    where digest = secret_digest and taken_at is null and withdrawn_at is null and expires_at > now()
    returning id;
$$;
create function collections.join_by_invitation(taken bigint) returns void
language sql security definer set search_path = collections, public as $$
    insert into collections.member (collection_id, person_id, role)
    select c.id, i.taken_by, one.value ->> 1
    from accounts.invitation i, jsonb_array_elements(i.roles) one
    join collections.collection c on c.id = (one.value ->> 0)::bigint
    where i.id = taken and i.taken_at = now()
    on conflict do nothing;
$$;
revoke execute on function accounts.admit, accounts.close_own, accounts.take_invitation, collections.join_by_invitation from public;
grant execute on function accounts.admit, accounts.close_own, accounts.take_invitation, collections.join_by_invitation
    to invivo_public, invivo_staff;

grant select, insert, update, delete on all tables in schema accounts to invivo_staff;
grant update (display_name, email, affiliation, country, orcid, mail_checked_at, renewed_at, reminded) on accounts.person
    to invivo_public;
grant select, insert, delete on accounts.once, accounts.totp, accounts.recovery to invivo_public;
grant update (last_step) on accounts.totp to invivo_public;
grant select on accounts.terms to invivo_public;
grant select, insert on accounts.acceptance to invivo_public;
grant select (id, name, state), insert on accounts.registration to invivo_public;
grant select on accounts.invitation to invivo_public;
grant select, insert, delete on accounts.passkey, accounts.identity to invivo_public;
grant update (sign_count, used_at) on accounts.passkey to invivo_public;
grant update (used_at) on accounts.identity to invivo_public;
