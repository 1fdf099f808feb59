-- Words are runs of letters and digits, in small letters: the same for everybody who asks and everybody who writes.
create function images.words(told text) returns tsvector
language sql immutable parallel safe
as $$ select array_to_tsvector(array_remove(regexp_split_to_array(lower(coalesce(told, '')), '[^[:alnum:]]+'), '')) $$;
grant execute on function images.words(text) to invivo_public, invivo_staff;
update images.series s set text = images.words(concat_ws(' ', s.modality, s.description, t.description, s.body_part, s.protocol,
    s.manufacturer, s.model, s.contrast, s.software, c.short_name, c.title, p.label, p.name))
from images.study t, collections.collection c, subjects.subject p
where t.id = s.study_id and c.id = s.collection_id and p.id = s.subject_id;

-- The years of an Age String (PS3.5 6.2); a year has 365.25 days.
create function images.years(told text) returns double precision
language sql immutable parallel safe
as $$
    select case when upper(btrim(told)) ~ '^[0-9]{1,3}[DWMY]$' then round(
        left(btrim(told), -1)::numeric * case upper(right(btrim(told), 1))
            when 'Y' then 1 when 'M' then 1 / 12.0 when 'W' then 7 / 365.25 else 1 / 365.25 end, 9)::double precision end
$$;
grant execute on function images.years(text) to invivo_public, invivo_staff;

-- What processes that keep the columns of all series in memory have to read again. Who has caught up names the snapshot
-- that it saw; a number given by a sequence would not do, because numbers become visible out of their order.
create schema search;
create table search.stale (
    xid xid8 not null default pg_current_xact_id(),
    noted_at timestamptz not null default now(),
    kind text not null check (kind in ('series', 'study', 'subject', 'collection', 'entered')),
    thing bigint not null
);
create index stale_xid on search.stale (xid);
create index stale_noted on search.stale (noted_at);

create function search.note_series() returns trigger
language plpgsql security definer set search_path = search, pg_temp as $$
begin
    if (select count(*) from (select 1 from touched limit 2001) t) > 2000 then
        insert into search.stale (kind, thing)
            select distinct case tg_op when 'INSERT' then 'entered' else 'collection' end, collection_id from touched;
    else
        insert into search.stale (kind, thing) select 'series', id from touched;
    end if;
    return null;
end;
$$;
create trigger series_entered after insert on images.series
    referencing new table as touched for each statement execute function search.note_series();
create trigger series_changed after update on images.series
    referencing new table as touched for each statement execute function search.note_series();
create trigger series_removed after delete on images.series
    referencing old table as touched for each statement execute function search.note_series();

create function search.note_above() returns trigger
language plpgsql security definer set search_path = search, pg_temp as $$
begin
    if (select count(*) from (select 1 from touched limit 2001) t) > 2000 then
        insert into search.stale (kind, thing) select distinct 'collection', collection_id from touched;
    else
        insert into search.stale (kind, thing) select tg_argv[0], id from touched;
    end if;
    return null;
end;
$$;
create trigger study_changed after update on images.study
    referencing new table as touched for each statement execute function search.note_above('study');
create trigger subject_changed after update on subjects.subject
    referencing new table as touched for each statement execute function search.note_above('subject');

create function search.note_collection() returns trigger
language plpgsql security definer set search_path = search, pg_temp as $$
begin
    insert into search.stale (kind, thing) values ('collection', new.id);
    return null;
end;
$$;
create trigger collection_changed after update of short_name, title, licence, access, is_derived on collections.collection
    for each row when (row(old.short_name, old.title, old.licence, old.access, old.is_derived)
        is distinct from row(new.short_name, new.title, new.licence, new.access, new.is_derived))
    execute function search.note_collection();

grant usage on schema search to invivo_public, invivo_staff;
grant select on search.stale to invivo_public, invivo_staff;
grant delete on search.stale to invivo_staff;
