-- How data come to be offered and delivered: proposals and who decides on them, what was announced, letters, replacements,
-- links for people without an account, sites; and the helpdesk.
alter table images.series add column if not exists site text;

create table submissions.form (
    version integer primary key check (version > 0),
    questions jsonb not null,
    made_by text not null,
    made_at timestamptz not null default now()
);
create table submissions.proposal (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('proposal', 'suggestion')),
    person_id bigint not null references accounts.person (id),
    title text not null,
    form_version integer references submissions.form (version),
    answers jsonb not null default '{}',
    state text not null default 'draft'
        check (state in ('draft', 'submitted', 'returned', 'accepted', 'opened', 'declined', 'withdrawn')),
    round integer not null default 0,
    created_at timestamptz not null default now(),
    submitted_at timestamptz,
    decided_at timestamptz,
    decided_by text not null default '',
    reason text not null default '',
    message text not null default '',
    opening_name text not null default '',
    opening_at timestamptz,
    collection_id bigint unique references collections.collection (id),
    submission_id bigint references submissions.submission (id),
    check (state <> 'opened' or (collection_id is not null and submission_id is not null))
);
create index proposal_person on submissions.proposal (person_id, id);
create index proposal_state on submissions.proposal (state, id);
create unique index proposal_opening on submissions.proposal (lower(opening_name)) where opening_name <> '';

create table submissions.committee (
    person_id bigint primary key references accounts.person (id) on delete cascade,
    since timestamptz not null default now()
);
-- A proposal that was returned and comes again is voted on anew.
create table submissions.vote (
    proposal_id bigint not null references submissions.proposal (id),
    round integer not null,
    person_id bigint not null references accounts.person (id),
    choice text not null check (choice in ('accept', 'decline', 'abstain')),
    reason text not null,
    voted_at timestamptz not null default now(),
    primary key (proposal_id, round, person_id)
);
create table submissions.proposal_file (
    id bigint generated always as identity primary key,
    proposal_id bigint not null references submissions.proposal (id),
    question text not null default '',
    name text not null,
    digest text not null,
    size_bytes bigint not null,
    added_by text not null,
    added_at timestamptz not null default now()
);
create index proposal_file_proposal on submissions.proposal_file (proposal_id);
create table submissions.agreement_text (
    version integer primary key check (version > 0),
    text text not null,
    made_by text not null,
    made_at timestamptz not null default now()
);
create table submissions.agreement (
    proposal_id bigint primary key references submissions.proposal (id),
    version integer not null references submissions.agreement_text (version),
    signed_name text not null,
    signed_by bigint not null references accounts.person (id),
    signed_at timestamptz not null default now(),
    counter_name text not null default '',
    counter_by text not null default '',
    counter_at timestamptz
);

create table submissions.successor (
    collection_id bigint primary key references collections.collection (id),
    url text not null,
    note text not null default '',
    since timestamptz not null default now()
);

create table submissions.expected (
    id bigint generated always as identity primary key,
    submission_id bigint not null references submissions.submission (id),
    modality text not null default '',
    subjects integer not null default 0 check (subjects >= 0),
    studies integer not null default 0 check (studies >= 0),
    series integer not null default 0 check (series >= 0),
    due date,
    unique (submission_id, modality)
);
create table submissions.letter (
    id bigint generated always as identity primary key,
    submission_id bigint not null references submissions.submission (id),
    person_id bigint references accounts.person (id),
    is_from_curator boolean not null,
    text text not null,
    at timestamptz not null default now()
);
create index letter_submission on submissions.letter (submission_id, id);
create table submissions.replacement (
    id bigint generated always as identity primary key,
    submission_id bigint not null references submissions.submission (id),
    replaces_id bigint references submissions.submission (id),
    uids text[] not null default '{}',
    reason text not null,
    replaced integer not null,
    dropped integer not null,
    repeated integer not null,
    made_by text not null,
    made_at timestamptz not null default now()
);
create index replacement_submission on submissions.replacement (submission_id);

create table submissions.site (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    code text not null,
    name text not null,
    contact text not null default ''
);
create unique index site_code on submissions.site (collection_id, lower(code));
-- A submitter who belongs to a site sees and delivers for that site only.
create table submissions.site_member (
    site_id bigint not null references submissions.site (id) on delete cascade,
    person_id bigint not null references accounts.person (id) on delete cascade,
    primary key (site_id, person_id)
);
create index site_member_person on submissions.site_member (person_id);
alter table submissions.submission add column site_id bigint references submissions.site (id);
alter table submissions.sender add column site_id bigint references submissions.site (id);
alter table quarantine.series add column site text not null default '';
alter table quarantine.object add column site_id bigint;
create index object_site on quarantine.object (submission_id, site_id) where site_id is not null;

create table submissions.upload_link (
    id bigint generated always as identity primary key,
    submission_id bigint not null references submissions.submission (id),
    digest bytea not null unique,
    label text not null,
    site_id bigint references submissions.site (id),
    max_bytes bigint not null check (max_bytes > 0),
    used_bytes bigint not null default 0,
    made_by text not null,
    made_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz
);
create index upload_link_submission on submissions.upload_link (submission_id, id);
alter table submissions.upload add column link_id bigint references submissions.upload_link (id);

-- An object that came again, by another delivery than the one it is counted with.
create table quarantine.repeat (
    object_id bigint not null references quarantine.object (id),
    submission_id bigint not null,
    primary key (object_id, submission_id)
);
-- What the public doors write down of arrivals: the site they came from, and by which delivery known ones came again.
create function intake.mark(submission bigint, made bigint[], known bigint[], of_site bigint) returns void
language plpgsql security definer set search_path = quarantine, public as $$
begin
    if of_site is not null then
        update quarantine.object o set site_id = of_site
            where o.id = any (made) and o.submission_id = submission and o.site_id is null;
        update quarantine.series s set site = (select t.code from submissions.site t where t.id = of_site)
            where s.site = '' and s.submission_id = submission
              and s.id in (select o.series_id from quarantine.object o where o.id = any (made));
    end if;
    insert into quarantine.repeat (object_id, submission_id)
        select o.id, submission from quarantine.object o where o.id = any (known) and o.submission_id <> submission
        on conflict do nothing;
end;
$$;

create schema helpdesk;
create table helpdesk.ticket (
    id bigint generated always as identity primary key,
    person_id bigint references accounts.person (id) on delete set null,
    email text not null default '',
    name text not null default '',
    digest bytea not null unique,
    subject text not null,
    collection_id bigint references collections.collection (id),
    state text not null default 'open' check (state in ('open', 'waiting', 'answered', 'closed')),
    asked_by bytea not null,
    mail_by bytea,
    opened_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    taken_by bigint references accounts.person (id) on delete set null
);
create index ticket_state on helpdesk.ticket (state, changed_at);
create index ticket_person on helpdesk.ticket (person_id, id);
create index ticket_asked_by on helpdesk.ticket (asked_by, opened_at);
create index ticket_mail_by on helpdesk.ticket (mail_by, opened_at);
create index ticket_opened on helpdesk.ticket (opened_at);
create table helpdesk.message (
    id bigint generated always as identity primary key,
    ticket_id bigint not null references helpdesk.ticket (id),
    is_from_staff boolean not null,
    author text not null,
    text text not null,
    at timestamptz not null default now()
);
create index message_ticket on helpdesk.message (ticket_id, id);
create table helpdesk.link (
    collection_id bigint primary key references collections.collection (id),
    discussion_url text not null
);

revoke execute on function intake.mark from public;
grant execute on function intake.mark to invivo_public, invivo_staff;
grant select, insert, update, delete on all tables in schema submissions to invivo_staff;
grant select, insert, update, delete on quarantine.repeat to invivo_staff;
grant usage, select on all sequences in schema submissions to invivo_staff;
grant select on submissions.site, submissions.site_member, submissions.successor, submissions.upload_link to invivo_public;
grant update (used_bytes) on submissions.upload_link to invivo_public;
grant usage on schema helpdesk to invivo_public, invivo_staff;
grant select, insert, update, delete on all tables in schema helpdesk to invivo_staff;
-- The public door asks and answers for whoever asks; it cannot read back anybody's name or address.
grant select (id, person_id, digest, subject, collection_id, state, asked_by, mail_by, opened_at, changed_at, taken_by),
    insert,
    update (state, changed_at) on helpdesk.ticket to invivo_public;
grant select, insert on helpdesk.message to invivo_public;
grant select on helpdesk.link to invivo_public;
