-- Who may see what: applications for controlled data, the committee that decides, groups, links for reviewers, sites of a
-- collection; and the seals of the journal.
alter table images.series add column site text;
alter table collections.collection add column hides_metadata boolean not null default false;

alter table collections.member drop constraint member_role_check;
alter table collections.member add constraint member_role_check
    check (role in ('owner', 'curator', 'submitter', 'member', 'committee'));
-- A member of a site has the series of that site only; an empty site means all of them.
alter table collections.member add column site text not null default '';
alter table collections.member drop constraint member_pkey;
alter table collections.member add primary key (collection_id, person_id, role, site);
alter table collections.member add constraint member_site check (site = '' or role = 'member');

create table collections.access_policy (
    collection_id bigint primary key references collections.collection (id),
    request_form text not null default 'application' check (request_form in ('simple', 'application')),
    vote_rule text not null default 'one' check (vote_rule in ('one', 'majority', 'all')),
    term_months integer not null default 12 check (term_months between 1 and 120),
    denied_countries text[] not null default '{}',
    needs_affiliation boolean not null default false
);

create table collections.agreement (
    collection_id bigint not null references collections.collection (id),
    version integer not null check (version > 0),
    text text not null,
    is_needed_again boolean not null,
    made_by text not null,
    made_at timestamptz not null default now(),
    primary key (collection_id, version)
);
create table collections.signature (
    collection_id bigint not null,
    version integer not null,
    person_id bigint not null references accounts.person (id),
    name text not null,
    signed_at timestamptz not null default now(),
    primary key (collection_id, version, person_id),
    foreign key (collection_id, version) references collections.agreement (collection_id, version)
);

create table collections.request (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    person_id bigint not null references accounts.person (id),
    form text not null check (form in ('simple', 'application')),
    state text not null default 'draft' check (state in ('draft', 'awaiting-official', 'submitted', 'under-review', 'approved',
        'declined', 'withdrawn', 'revoked')),
    title text not null,
    purpose text not null,
    institution text not null,
    country text not null default '',
    collaborators text not null default '',
    official_name text not null default '',
    official_email text not null default '',
    official_digest bytea unique,
    official_until timestamptz,
    official_at timestamptz,
    agreement_version integer,
    renews bigint references collections.request (id),
    progress text not null default '',
    created_at timestamptz not null default now(),
    submitted_at timestamptz,
    decided_at timestamptz,
    decided_by text not null default '',
    reason text not null default '',
    conditions text not null default '',
    starts_on date,
    ends_on date,
    revoked_at timestamptz,
    reminded smallint not null default 0,
    check (state not in ('approved', 'revoked') or (starts_on is not null and ends_on is not null))
);
create index request_collection on collections.request (collection_id, id);
create index request_person on collections.request (person_id, id);
create index request_ends on collections.request (ends_on) where state = 'approved';
-- One application at a time: what is open must be decided or withdrawn before the next.
create unique index request_open on collections.request (collection_id, person_id)
    where state in ('draft', 'awaiting-official', 'submitted', 'under-review');

create table collections.vote (
    request_id bigint not null references collections.request (id),
    person_id bigint not null references accounts.person (id),
    choice text not null check (choice in ('approve', 'decline')),
    reason text not null,
    voted_at timestamptz not null default now(),
    primary key (request_id, person_id)
);

create table collections.people_group (
    id bigint generated always as identity primary key,
    name text not null,
    title text not null default '',
    mail_domains text[] not null default '{}',
    list_url text not null default '',
    list_tried_at timestamptz,
    list_read_at timestamptz,
    list_error text not null default '',
    created_at timestamptz not null default now()
);
create unique index people_group_name on collections.people_group (lower(name));
create table collections.group_person (
    group_id bigint not null references collections.people_group (id) on delete cascade,
    person_id bigint not null references accounts.person (id) on delete cascade,
    primary key (group_id, person_id)
);
create index group_person_person on collections.group_person (person_id);
-- Account names and mail addresses of the outside list, as it was read last.
create table collections.group_listed (
    group_id bigint not null references collections.people_group (id) on delete cascade,
    entry text not null,
    primary key (group_id, entry)
);
create index group_listed_entry on collections.group_listed (entry);
create table collections.group_role (
    collection_id bigint not null references collections.collection (id),
    group_id bigint not null references collections.people_group (id) on delete cascade,
    role text not null check (role in ('owner', 'curator', 'submitter', 'member', 'committee')),
    site text not null default '' check (site = '' or role = 'member'),
    primary key (collection_id, group_id, role, site)
);
create index group_role_group on collections.group_role (group_id);

-- A mail address counts only when its owner has proven it.
create view collections.in_group as
    select group_id, person_id from collections.group_person
    union select g.id, p.id from collections.people_group g
        join accounts.person p on split_part(lower(p.email), '@', 2) = any (g.mail_domains) and p.mail_checked_at is not null
    union select l.group_id, p.id from accounts.person p join collections.group_listed l on l.entry = lower(p.name)
    union select l.group_id, p.id from accounts.person p
        join collections.group_listed l on l.entry = lower(p.email) and p.mail_checked_at is not null;

-- Every role that anybody holds in a collection, by name or through a group. The one text of it.
create view collections.held_role as
    select m.person_id, m.collection_id, m.role, m.site, ''::text as through from collections.member m
    union all select g.person_id, r.collection_id, r.role, r.site, pg.name
        from collections.in_group g join collections.group_role r on r.group_id = g.group_id
        join collections.people_group pg on pg.id = g.group_id;

-- Approvals that hold today: by their dates, not revoked, every agreement signed that must be, no country that is excluded.
create view collections.approval as
    select q.id, q.collection_id, q.person_id, q.starts_on, q.ends_on
    from collections.request q
    join accounts.person p on p.id = q.person_id and p.is_active
    left join collections.access_policy y on y.collection_id = q.collection_id
    where q.state = 'approved' and current_date between q.starts_on and q.ends_on
        and not (upper(p.country) = any (coalesce(y.denied_countries, '{}')))
        and not exists (select 1 from collections.agreement a where a.collection_id = q.collection_id and a.is_needed_again
            and not exists (select 1 from collections.signature g where g.collection_id = a.collection_id
                and g.version >= a.version and g.person_id = q.person_id));

create table collections.reviewer_link (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    digest bytea not null unique,
    label text not null,
    is_blind boolean not null,
    made_by text not null,
    made_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    visits integer not null default 0,
    last_visit_at timestamptz
);
create index reviewer_link_collection on collections.reviewer_link (collection_id, id);

-- The public door counts a visit and takes the official's word; whoever calls proves that they know the link's secret.
create function collections.visit_link(secret_digest bytea) returns bigint
language sql security definer set search_path = collections, public as $$
    update collections.reviewer_link set visits = visits + 1, last_visit_at = now()
    where digest = secret_digest and revoked_at is null and expires_at > now() returning id;
$$;
create function collections.official_confirms(secret_digest bytea) returns bigint
language sql security definer set search_path = collections, public as $$
    update collections.request set state = 'submitted', submitted_at = now(), official_at = now(), official_digest = null
    where official_digest = secret_digest and state = 'awaiting-official' and official_until > now() returning id;
$$;
create function collections.official_declines(secret_digest bytea, with_reason text) returns bigint
language sql security definer set search_path = collections, public as $$
    update collections.request set state = 'declined', decided_at = now(), decided_by = 'official', reason = with_reason,
        official_digest = null
    where official_digest = secret_digest and state = 'awaiting-official' and official_until > now() returning id;
$$;
revoke execute on function collections.visit_link, collections.official_confirms, collections.official_declines from public;
grant execute on function collections.visit_link, collections.official_confirms, collections.official_declines
    to invivo_public, invivo_staff;

grant select, insert, update on collections.access_policy, collections.request, collections.reviewer_link to invivo_staff;
grant select, insert on collections.agreement, collections.signature, collections.vote to invivo_staff;
grant select, insert, update, delete on collections.people_group, collections.group_person, collections.group_listed,
    collections.group_role to invivo_staff;
grant select on collections.in_group, collections.held_role, collections.approval to invivo_public, invivo_staff;
grant select on collections.access_policy, collections.agreement, collections.reviewer_link to invivo_public;
grant select (collection_id, version) on collections.signature to invivo_public;
grant select (id, collection_id, person_id, form, state, title, purpose, institution, official_name, official_digest, official_until,
    submitted_at, decided_at, starts_on, ends_on, renews, agreement_version) on collections.request to invivo_public;
grant usage, select on all sequences in schema collections to invivo_staff;

-- The chain over the journal. Entries are written without any lock; a job seals what has been committed, in the order of ids.
-- What was still on its way then is a gap, and is sealed by a later seal. A digest is SHA-256 over the one before it and over
-- the digests of the entries it seals.
create table audit.seal (
    id bigint generated always as identity primary key,
    from_id bigint not null,
    to_id bigint not null,
    ids int8multirange not null,
    gaps int8multirange not null,
    entries integer not null,
    previous bytea not null,
    digest bytea not null,
    sealed_at timestamptz not null default now()
);
create unique index seal_previous on audit.seal (previous);
create trigger seal_is_append_only before update or delete on audit.seal
    for each row execute function audit.refuse_change();
create trigger seals_are_never_emptied before truncate on audit.seal
    for each statement execute function audit.refuse_change();
create function audit.content_digest(one audit.entry) returns bytea language sql stable set timezone = 'UTC' as $$
    select sha256(convert_to(jsonb_build_array((one).id, extract(epoch from (one).at), (one).actor, (one).verb, (one).thing,
        (one).detail)::text, 'UTF8'));
$$;
create index entry_actor on audit.entry (actor, id);
create index entry_verb on audit.entry (verb, id);
create index entry_at on audit.entry (at);
revoke execute on function audit.content_digest from public;
grant execute on function audit.content_digest to invivo_staff;
grant select, insert on audit.seal to invivo_staff;
grant usage, select on all sequences in schema audit to invivo_staff;
