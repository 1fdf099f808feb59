-- When releases are made, under which licences, what is told of them to other machines, and what was made from what.

-- A release that is to be made: now by the worker, or at a time. One of a collection waits at once.
create table releases.schedule (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    due_at timestamptz not null,
    is_embargo boolean not null default false,
    notes text not null default '',
    asked_by text not null,
    person_id bigint references accounts.person (id) on delete set null,
    asked_at timestamptz not null default now(),
    state text not null default 'due' check (state in ('due', 'done', 'cancelled')),
    blocked text not null default '',
    series_total integer not null default 0,
    series_done integer not null default 0,
    worked_at timestamptz,
    number integer,
    ended_at timestamptz,
    ended_by text not null default ''
);
create unique index schedule_due on releases.schedule (collection_id) where state = 'due';

-- Which reminders of an end were given: of a collection's embargo (schedule 0) or of a scheduled release.
create table releases.reminder (
    collection_id bigint not null references collections.collection (id),
    schedule_id bigint not null default 0,
    ends_on date not null,
    days integer not null,
    given_at timestamptz not null default now(),
    primary key (collection_id, schedule_id, ends_on, days)
);

-- What an embargo opens into when it ends.
alter table collections.collection add column access_after text not null default 'open'
    check (access_after in ('open', 'registered', 'controlled'));

-- Somebody who releases the data of an article and does nothing else; and links for such people, which lie with a journal.
alter table collections.member drop constraint member_role_check;
alter table collections.member add constraint member_role_check
    check (role in ('owner', 'curator', 'submitter', 'member', 'committee', 'editor'));
create table releases.editor_link (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    digest bytea not null unique,
    label text not null,
    made_by text not null,
    made_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    clicked_at timestamptz
);

-- The one thing that a link of an editor can do, from the public process: ask for the release, once. The worker makes it.
create function releases.click(secret_digest bytea) returns boolean
language plpgsql security definer set search_path = releases, public as $$
declare
    link record;
begin
    select * into link from releases.editor_link where digest = secret_digest and revoked_at is null and expires_at > now() for update;
    if link.id is null then
        return false;
    end if;
    if link.clicked_at is null then
        update releases.editor_link set clicked_at = now() where id = link.id;
        insert into audit.entry (actor, verb, thing, detail)
            values ('editor-link:' || link.id, 'release.click', 'collection:' || link.collection_id, '{}');
        perform jobs.enqueue('open', link.id::text, null);
    end if;
    return true;
end;
$$;
revoke execute on function releases.click from public;
grant execute on function releases.click to invivo_public, invivo_staff;
-- What the page of a link shows, and nothing else of the collection.
create function releases.link_shown(secret_digest bytea) returns table (title text, short_name text, expires_at timestamptz,
    clicked_at timestamptz, access text, embargo_until date, due_at timestamptz, is_waiting boolean)
language sql stable security definer set search_path = releases, public as $$
    select c.title, c.short_name, l.expires_at, l.clicked_at, c.access, c.embargo_until, d.due_at, d.id is not null
    from releases.editor_link l join collections.collection c on c.id = l.collection_id
    left join releases.schedule d on d.collection_id = c.id and d.state = 'due'
    where l.digest = secret_digest and l.revoked_at is null and l.expires_at > now()
$$;
revoke execute on function releases.link_shown from public;
grant execute on function releases.link_shown to invivo_public, invivo_staff;

-- Licences of series: what is chosen before a release, and what each was released under.
create table releases.licence_choice (
    collection_id bigint not null references collections.collection (id),
    kind text not null check (kind in ('modality', 'subject', 'series')),
    value text not null,
    licence text not null,
    chosen_by text not null,
    chosen_at timestamptz not null default now(),
    primary key (collection_id, kind, value)
);
alter table images.series add column licence text;
update images.series s set licence = r.licence from releases.release r
    where r.collection_id = s.collection_id and r.number = lower(s.releases) and not r.is_growing;

-- Derived results, and what they were made from.
alter table collections.collection add column is_derived boolean not null default false;
create table collections.source (
    collection_id bigint not null references collections.collection (id),
    source_id bigint not null references collections.collection (id),
    primary key (collection_id, source_id),
    check (collection_id <> source_id)
);
create index source_of on collections.source (source_id);

-- Webhooks: only part of a secret lies here, the rest is the installation's key.
alter table releases.hook add column next_at timestamptz;
create table releases.delivery (
    id bigint generated always as identity primary key,
    hook_id bigint not null references releases.hook (id) on delete cascade,
    at timestamptz not null default now(),
    from_seq bigint not null,
    to_seq bigint not null,
    status integer,
    error text not null default '',
    took_ms integer not null default 0
);
create index delivery_hook on releases.delivery (hook_id, id desc);
create index hook_active on releases.hook (id) where is_active;

grant select on collections.source to invivo_public;
grant select, insert, update, delete on collections.source, releases.schedule, releases.reminder, releases.editor_link,
    releases.licence_choice, releases.delivery to invivo_staff;
grant usage, select on all sequences in schema releases to invivo_staff;

alter table collections.group_role drop constraint group_role_role_check;
alter table collections.group_role add constraint group_role_role_check
    check (role in ('owner', 'curator', 'submitter', 'member', 'committee', 'editor'));

-- The numbers of the feed appear in their order: who puts something in holds the next one back until the commit.
create function releases.one_after_the_other() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(1004, 0);
    return null;
end;
$$;
create trigger change_in_order before insert on releases.change
    for each statement execute function releases.one_after_the_other();
