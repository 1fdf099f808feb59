-- Who may touch what. invivo_public serves visitors and takes in objects; invivo_staff is the desk, the worker and the
-- command line. Neither owns a table, so neither can change the schema or the journal.
do $$
declare
    room text;
begin
    foreach room in array array['accounts', 'collections', 'subjects', 'images', 'attachments', 'submissions', 'quarantine',
                                'reviews', 'releases', 'carts', 'usage', 'audit', 'jobs', 'intake'] loop
        execute format('grant usage on schema %I to invivo_staff', room);
        if room not in ('audit', 'intake') then
            execute format('grant select, insert, update, delete on all tables in schema %I to invivo_staff', room);
        end if;
        execute format('grant usage, select on all sequences in schema %I to invivo_staff', room);
        execute format('revoke execute on all functions in schema %I from public', room);
        execute format('grant execute on all functions in schema %I to invivo_staff', room);
    end loop;
    foreach room in array array['accounts', 'collections', 'subjects', 'images', 'attachments', 'submissions', 'releases',
                                'carts', 'usage', 'audit', 'intake'] loop
        execute format('grant usage on schema %I to invivo_public', room);
    end loop;
end;
$$;

grant select, insert on audit.entry to invivo_staff;
grant insert on audit.entry to invivo_public;

grant select on accounts.person to invivo_public;
grant update (password_hash) on accounts.person to invivo_public;
grant select, insert, update, delete on accounts.session, accounts.token, accounts.attempt to invivo_public;
grant select on all tables in schema collections, subjects, images, attachments, releases to invivo_public;
grant select on submissions.submission, submissions.sender to invivo_public;
grant select, insert, update, delete on submissions.upload to invivo_public;
grant select, insert, update, delete on all tables in schema carts to invivo_public;
grant select, insert on usage.download to invivo_public;
grant execute on all functions in schema intake to invivo_public;
grant select on public.migration to invivo_public, invivo_staff;
