-- What is computed once from the headers of all instances of a revision of a series: its geometry, and what it is.
create table images.measured (
    series_id bigint primary key references images.series (id) on delete cascade,
    growth integer not null default 0,
    geometry text not null check (geometry in ('regular', 'irregular', 'unknown')),
    slices integer,
    slice_spacing_mm double precision,
    volume_ml double precision,
    is_derived boolean,
    is_phantom boolean not null default false,
    detail jsonb not null default '{}'
);

-- What a series refers to: series by their UIDs, instances that name no series, or the frame of reference of structures.
create table images.reference (
    series_id bigint not null references images.series (id) on delete cascade,
    level text not null check (level in ('series', 'instance', 'frame')),
    uid text not null,
    primary key (series_id, level, uid)
);
create index reference_uid on images.reference (uid);

-- The same between series that are here now.
create view images.referred as
select r.series_id as source_id, t.id as target_id
from images.reference r join images.series t on t.uid = r.uid and upper_inf(t.releases)
where r.level = 'series' and t.id <> r.series_id
union all
select distinct r.series_id, t.id
from images.reference r join images.instance i on i.uid = r.uid and upper_inf(i.releases)
join images.series t on t.key = i.series_key and upper_inf(t.releases)
where r.level = 'instance' and t.id <> r.series_id
union all
select r.series_id, t.id
from images.reference r join images.series f on f.id = r.series_id
join images.series t on t.subject_id = f.subject_id and t.frame_of_reference_uid = r.uid and upper_inf(t.releases)
where r.level = 'frame' and t.modality not in ('SEG', 'RTSTRUCT', 'RTPLAN', 'RTDOSE', 'SR', 'PR', 'KO', 'ANN', 'REG');

create trigger series_measured after insert or update on images.measured
    for each row execute function search.note_described();

grant select on images.measured, images.reference, images.referred to invivo_public, invivo_staff;
grant insert, update, delete on images.measured, images.reference to invivo_staff;

-- Whether a licence lets people earn money with data; a licence that nobody has named so far is not guessed at.
create function search.commercial(licence text) returns text
language sql immutable parallel safe
as $$
    select case when licence like 'CC-BY-NC%' or licence in ('LicenseRef-restricted', 'LicenseRef-in-house')
            or licence ilike '%noncommercial%' then 'no'
        when licence like any (array['CC-BY-_.%', 'CC0-%', 'CC-BY-SA-%', 'CC-BY-ND-%', 'CC-PDDC', 'PDDL-%', 'ODC-By-%', 'ODbL-%',
            'MIT', 'Apache-2%', 'BSD-2%', 'BSD-3%', 'CDLA-%']) then 'yes'
        else 'unknown' end
$$;
grant execute on function search.commercial(text) to invivo_public, invivo_staff;

-- What a person has taken home: only the person's own searches read it.
create table search.taken (
    person_id bigint not null references accounts.person (id) on delete cascade,
    series_key bigint not null,
    collection_id bigint not null,
    at timestamptz not null default clock_timestamp(),
    primary key (person_id, series_key)
);
grant select, insert, update on search.taken to invivo_public;
grant select, insert, update, delete on search.taken to invivo_staff;

-- More of what lies above a series and is asked of it.
create trigger collection_species_changed after update of species on collections.collection
    for each row when (old.species is distinct from new.species) execute function search.note_collection();
create function search.note_dataset() returns trigger
language plpgsql security definer set search_path = search, pg_temp as $$
begin
    insert into search.stale (kind, thing) values ('collection', new.collection_id);
    return null;
end;
$$;
create trigger dataset_changed after update of is_result, licence on collections.dataset
    for each row when (row(old.is_result, old.licence) is distinct from row(new.is_result, new.licence))
    execute function search.note_dataset();

-- The words of a series hold the name and the title of its collection: they change with it.
create function images.retell() returns trigger
language plpgsql security definer set search_path = images, pg_temp as $$
begin
    update images.series s set text = images.words(concat_ws(' ', s.modality, s.description, t.description, s.body_part,
        s.protocol, s.manufacturer, s.model, s.contrast, s.software, new.short_name, new.title, p.label, p.name))
    from images.study t, subjects.subject p
    where s.collection_id = new.id and upper_inf(s.releases) and t.id = s.study_id and p.id = s.subject_id;
    return null;
end;
$$;
create trigger collection_retold after update of short_name, title on collections.collection
    for each row when (row(old.short_name, old.title) is distinct from row(new.short_name, new.title))
    execute function images.retell();
