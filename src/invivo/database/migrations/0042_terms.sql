-- Every attribute of every header, nested and private ones too: what it is called, what it says, and which series say it.
create table search.path (
    id integer generated always as identity primary key,
    path text not null unique
);
create table search.term (
    id integer generated always as identity primary key,
    path_id integer not null references search.path (id),
    value text not null,
    number double precision,
    day date,
    unique (path_id, value)
);
create index term_words on search.term using gin (images.words(value));
create index term_number on search.term (path_id, number) where number is not null;
create index term_day on search.term (path_id, day) where day is not null;

-- One narrow row a series. The extension intarray must not be installed: its operators hide those that the index serves.
create table search.described (
    series_id bigint primary key references images.series (id) on delete cascade,
    growth integer not null default 0,
    terms integer[] not null
);
create index described_terms on search.described using gin (terms);

create function search.note_described() returns trigger
language plpgsql security definer set search_path = search, pg_temp as $$
begin
    insert into search.stale (kind, thing) values ('series', new.series_id);
    return null;
end;
$$;
create trigger series_described after insert or update on search.described
    for each row execute function search.note_described();

grant select on search.path, search.term, search.described to invivo_public, invivo_staff;
grant insert, update, delete on search.path, search.term, search.described to invivo_staff;
