create schema quarantine;

-- What is looked at and decided together: the images of one series, the files that are not DICOM, the damaged ones.
create table quarantine.series (
    id bigint generated always as identity primary key,
    submission_id bigint not null references submissions.submission (id),
    collection_id bigint not null references collections.collection (id),
    kind text not null check (kind in ('images', 'files', 'damaged')),
    study_uid text not null default '',
    series_uid text not null default '',
    modality text not null default '',
    subject_label text not null default '',
    clean_study_uid text not null default '',
    clean_series_uid text not null default '',
    first_at timestamptz not null default now(),
    unique (submission_id, kind, series_uid)
);
create index series_collection on quarantine.series (collection_id);

create table quarantine.object (
    id bigint generated always as identity primary key,
    series_id bigint not null references quarantine.series (id),
    submission_id bigint not null,
    collection_id bigint not null,
    state text not null
        check (state in ('received', 'cleaned', 'stuck', 'conflict', 'cleared', 'discarded', 'released')),
    reason_code text not null default '',
    reason text not null default '',
    door text not null,
    sender text not null default '',
    name text not null default '',
    sop_uid text not null default '',
    sop_class_uid text not null default '',
    transfer_syntax_uid text not null default '',
    digest text not null,
    size_bytes bigint not null,
    crc32 bigint not null,
    received_at timestamptz not null default now(),
    clean_sop_uid text not null default '',
    clean_digest text,
    clean_size_bytes bigint,
    clean_crc32 bigint,
    clean_header bytea,
    facts jsonb,
    actions bytea,
    attempts integer not null default 0,
    buried_at timestamptz
);
create index object_unburied on quarantine.object (id) where state in ('discarded', 'released') and buried_at is null;
create unique index object_identity on quarantine.object (collection_id, sop_uid)
    where sop_uid <> '' and state not in ('conflict', 'discarded');
create unique index object_file on quarantine.object (submission_id, digest, name)
    where sop_uid = '' and state <> 'discarded';
create index object_series on quarantine.object (series_id, state);
create index object_received on quarantine.object (received_at) where state = 'received';
create index object_cleared on quarantine.object (collection_id) where state = 'cleared';
create index object_submission on quarantine.object (submission_id, id);
create index object_digest on quarantine.object (digest);
create index object_clean_digest on quarantine.object (clean_digest);

create schema intake;

-- The one way by which the public doors put something into quarantine. They run it with the owner's rights and can read
-- nothing there. The share lock on the series makes the job that works on it wait until this transaction ends, so that no
-- object is overlooked between two jobs.
create function intake.hold(submission bigint, by_door text, by_sender text, items jsonb)
returns table (place integer, object_id bigint, outcome text)
language plpgsql security definer set search_path = quarantine, public as $$
declare
    item record;
    in_collection bigint;
    in_series bigint;
    touched bigint[] := '{}';
    known record;
    made bigint;
begin
    select s.collection_id into strict in_collection from submissions.submission s where s.id = submission;
    for item in
        select * from jsonb_to_recordset(items) as x (
            ordinal integer, kind text, study_uid text, series_uid text, modality text, sop_uid text, sop_class_uid text,
            transfer_syntax_uid text, digest text, size_bytes bigint, crc32 bigint, name text, reason_code text, reason text)
        order by x.kind, x.series_uid, x.sop_uid, x.digest
    loop
        select s.id into in_series from quarantine.series s
            where s.submission_id = submission and s.kind = item.kind and s.series_uid = item.series_uid for key share;
        if in_series is null then
            insert into quarantine.series (submission_id, collection_id, kind, study_uid, series_uid, modality)
                values (submission, in_collection, item.kind, item.study_uid, item.series_uid, item.modality)
                on conflict do nothing;
            select s.id into strict in_series from quarantine.series s
                where s.submission_id = submission and s.kind = item.kind and s.series_uid = item.series_uid for key share;
        end if;
        insert into quarantine.object (series_id, submission_id, collection_id, state, reason_code, reason, door, sender, name,
                sop_uid, sop_class_uid, transfer_syntax_uid, digest, size_bytes, crc32)
            values (in_series, submission, in_collection, case item.kind when 'damaged' then 'stuck' else 'received' end,
                item.reason_code, item.reason, by_door, by_sender, item.name, item.sop_uid, item.sop_class_uid,
                item.transfer_syntax_uid, item.digest, item.size_bytes, item.crc32)
            on conflict do nothing returning id into made;
        place := item.ordinal;
        if made is not null then
            object_id := made;
            outcome := case item.kind when 'images' then 'held' when 'files' then 'attached' else 'damaged' end;
        else
            select o.id, o.digest into known from quarantine.object o
                where o.collection_id = in_collection and o.sop_uid = item.sop_uid and o.digest = item.digest
                  and o.state <> 'discarded' and (item.sop_uid <> '' or o.submission_id = submission)
                order by o.id limit 1;
            if known.id is not null then
                object_id := known.id;
                outcome := 'repeated';
                -- Its bytes were written again just now: if the object is released, they are to be deleted again.
                update quarantine.object o set buried_at = null where o.id = known.id and o.buried_at is not null;
            else
                insert into quarantine.object (series_id, submission_id, collection_id, state, reason_code, reason, door, sender,
                        name, sop_uid, sop_class_uid, transfer_syntax_uid, digest, size_bytes, crc32)
                    values (in_series, submission, in_collection, 'conflict', 'conflict.other-bytes',
                        'An object with this SOP Instance UID and other content is here already.', by_door, by_sender, item.name,
                        item.sop_uid, item.sop_class_uid, item.transfer_syntax_uid, item.digest, item.size_bytes, item.crc32)
                    returning id into object_id;
                outcome := 'conflict';
            end if;
        end if;
        if outcome <> 'repeated' then
            insert into audit.entry (actor, verb, thing, detail) values ('door:' || by_door, 'quarantine.hold',
                'held:' || object_id, jsonb_build_object('outcome', outcome, 'submission', submission, 'digest', item.digest));
            if not in_series = any (touched) then
                touched := touched || in_series;
                perform jobs.enqueue('advance', in_series::text, null);
            end if;
        end if;
        return next;
    end loop;
end;
$$;

-- A finished upload of a ZIP is taken apart by the worker.
create function intake.unpack(upload text) returns void
language plpgsql security definer set search_path = public as $$
begin
    if not exists (select 1 from submissions.upload u where u.id = upload and u.state = 'complete') then
        raise exception 'no such finished upload';
    end if;
    perform jobs.enqueue('unpack', upload, null);
end;
$$;
