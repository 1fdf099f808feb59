-- What a person waits for goes before what the archive does on its own.
create or replace function jobs.enqueue(name text, key text, at timestamptz) returns void
language plpgsql security definer set search_path = jobs, public as $$
declare
    once text := name || ':' || key;
    awaited integer := case when name in ('release', 'publish', 'open', 'settle', 'mail') then 10 else 0 end;
begin
    if exists (select 1 from procrastinate_jobs where queueing_lock = once and status = 'todo') then
        return;
    end if;
    delete from procrastinate_jobs where queueing_lock = once and status = 'failed';
    perform procrastinate_defer_jobs_v1(
        array[row('default', name, awaited, once, once, jsonb_build_object('key', key), at)::procrastinate_job_to_defer_v1]
    );
exception when unique_violation then
    -- Somebody queued the same job at the same moment.
    return;
end;
$$;
