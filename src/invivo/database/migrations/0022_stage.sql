-- What arrives is staged by one statement. The shared lock tells the worker who is still at it: a job that ends waits for
-- those, for they found it queued and queued no other.
create function intake.stage(
    collection bigint, study_uids text[], series_uids text[], uids text[], sop_classes text[], syntaxes text[],
    numbers integer[], row_counts integer[], column_counts integer[], bits integer[], frame_counts integer[],
    digests text[], sizes bigint[], crcs bigint[], pixel_offsets bigint[], pixel_lengths bigint[], offset_tables bytea[],
    headers bytea[], told text[]
) returns void
language plpgsql security definer set search_path = public as $$
begin
    perform pg_advisory_xact_lock_shared(1002, collection::integer);
    insert into images.arrived (collection_id, study_uid, series_uid, uid, sop_class_uid, transfer_syntax_uid, number, rows,
            columns, bits_allocated, frames, digest, size_bytes, crc32, pixel_offset, pixel_length, frame_offsets, header, facts)
        select collection, x.* from unnest(study_uids, series_uids, uids, sop_classes, syntaxes, numbers, row_counts,
            column_counts, bits, frame_counts, digests, sizes, crcs, pixel_offsets, pixel_lengths, offset_tables, headers,
            told) as x;
    perform jobs.enqueue('enter', collection::text, null);
end;
$$;
revoke execute on function intake.stage from public;
grant execute on function intake.stage to invivo_public, invivo_staff;
revoke insert on images.arrived from invivo_public;
drop function intake.enter(bigint);
