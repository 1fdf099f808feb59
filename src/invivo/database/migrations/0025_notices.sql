-- What the archive tells people: each message lies in their inbox here, and goes by mail where there is an address and a server.
create schema notices;
create table notices.message (
    id bigint generated always as identity primary key,
    person_id bigint references accounts.person (id) on delete cascade,
    address text not null default '',
    kind text not null,
    subject text not null,
    text text not null,
    sealed text not null default '',
    link text not null default '',
    created_at timestamptz not null default now(),
    read_at timestamptz,
    mail text not null check (mail in ('none', 'waiting', 'sent', 'failed')),
    attempts integer not null default 0,
    error text not null default '',
    sent_at timestamptz,
    check (person_id is not null or address <> '')
);
create index message_inbox on notices.message (person_id, id desc) where person_id is not null;
create index message_waiting on notices.message (id) where mail in ('waiting', 'failed');

create table notices.subscription (
    person_id bigint not null references accounts.person (id) on delete cascade,
    topic text not null,
    since timestamptz not null default now(),
    primary key (person_id, topic)
);
create index subscription_topic on notices.subscription (topic);

-- The public door posts messages and shows a person's own; what is sealed (links that open something) it cannot read back.
create function notices.post(person bigint, to_address text, of_kind text, with_subject text, with_text text, with_seal text,
    with_link text) returns bigint
language plpgsql security definer set search_path = notices, public as $$
declare
    made bigint;
begin
    insert into notices.message (person_id, address, kind, subject, text, sealed, link, mail)
        values (person, to_address, of_kind, with_subject, with_text, with_seal, with_link,
            case when to_address = '' then 'none' else 'waiting' end)
        returning id into made;
    if to_address <> '' then
        perform jobs.enqueue('mail', made::text, null);
    end if;
    return made;
end;
$$;
revoke execute on function notices.post from public;
grant usage on schema notices to invivo_public, invivo_staff;
grant execute on function notices.post to invivo_public, invivo_staff;
grant select, insert, update, delete on all tables in schema notices to invivo_staff;
grant select (id, person_id, kind, subject, text, link, created_at, read_at), update (read_at) on notices.message to invivo_public;
grant select, insert, delete on notices.subscription to invivo_public;
