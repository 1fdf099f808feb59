-- Usage in sums a day, without anybody in them. Who came is kept as a digest with the month's salt, only to count every
-- visitor once; when the month is over the digests are counted, and they and the salt are thrown away.
create table usage.day (
    day date not null,
    collection_id bigint not null,
    door text not null,
    kind text not null check (kind in ('download', 'view')),
    is_machine boolean not null,
    events bigint not null,
    series_count bigint not null,
    size_bytes bigint not null,
    primary key (day, collection_id, door, kind, is_machine)
);
create index day_collection on usage.day (collection_id, day);

insert into usage.day
    select at::date, collection_id, door, 'download', false, count(*), sum(series_count), sum(size_bytes)
    from usage.download group by at::date, collection_id, door;
drop table usage.download;

create table usage.salt (
    month date primary key,
    salt bytea not null
);

-- Collection 0 stands for the whole archive.
create table usage.visitor (
    month date not null,
    collection_id bigint not null,
    digest bytea not null,
    is_registered boolean not null,
    country text not null default '',
    primary key (month, collection_id, digest)
);

create table usage.month (
    month date not null,
    collection_id bigint not null,
    visitors integer not null,
    registered integer not null,
    countries integer not null,
    primary key (month, collection_id)
);

-- A stretch of time in which the archive answered whenever it was asked.
create table usage.stretch (
    began_at timestamptz primary key,
    last_at timestamptz not null
);

grant select, insert, update on usage.day to invivo_public;
grant select, insert on usage.visitor, usage.salt to invivo_public;
grant select on usage.month, usage.stretch to invivo_public;
grant select, insert, update, delete on all tables in schema usage to invivo_staff;
