-- The words of very many series are not rewritten while somebody saves a title: a job does it, some at a time.
create function images.retell_some(collection bigint, after bigint, most integer) returns bigint
language plpgsql security definer set search_path = images, pg_temp as $$
declare
    last bigint;
begin
    select max(id) into last from (
        select id from images.series where collection_id = collection and upper_inf(releases) and id > after
        order by id limit most) one;
    update images.series s set text = images.words(concat_ws(' ', s.modality, s.description, t.description, s.body_part,
        s.protocol, s.manufacturer, s.model, s.contrast, s.software, c.short_name, c.title, p.label, p.name))
    from images.study t, subjects.subject p, collections.collection c
    where s.collection_id = collection and upper_inf(s.releases) and s.id > after and s.id <= last
        and t.id = s.study_id and p.id = s.subject_id and c.id = s.collection_id;
    return last;
end;
$$;
revoke execute on function images.retell_some from public;
grant execute on function images.retell_some to invivo_staff;

create or replace function images.retell() returns trigger
language plpgsql security definer set search_path = images, pg_temp as $$
begin
    if exists (select from images.series where collection_id = new.id and upper_inf(releases) offset 2000) then
        perform jobs.enqueue('retell', new.id::text, null);
    else
        perform images.retell_some(new.id, 0, 2000);
    end if;
    return null;
end;
$$;
