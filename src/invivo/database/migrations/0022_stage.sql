-- What arrives is staged by one statement. The shared lock tells the worker who is still at it: a job that ends waits for
-- those, for they found it queued and queued no other. Headers and tables of frames are in the order of the items.
create function intake.stage(collection bigint, items jsonb, headers bytea[], offset_tables bytea[]) returns void
language plpgsql security definer set search_path = public as $$
begin
    perform pg_advisory_xact_lock_shared(1002, collection::integer);
    insert into images.arrived (collection_id, study_uid, series_uid, uid, sop_class_uid, transfer_syntax_uid, number, rows,
            columns, bits_allocated, frames, digest, size_bytes, crc32, pixel_offset, pixel_length, facts, frame_offsets, header)
        select collection, x.study_uid, x.series_uid, x.uid, x.sop_class_uid, x.transfer_syntax_uid, x.number, x.rows, x.columns,
            x.bits_allocated, x.frames, x.digest, x.size_bytes, x.crc32, x.pixel_offset, x.pixel_length, x.facts,
            offset_tables[x.place], headers[x.place]
        from jsonb_to_recordset(items) as x (place integer, study_uid text, series_uid text, uid text, sop_class_uid text,
            transfer_syntax_uid text, number integer, rows integer, columns integer, bits_allocated integer, frames integer,
            digest text, size_bytes bigint, crc32 bigint, pixel_offset bigint, pixel_length bigint, facts text)
        order by x.place;
    perform jobs.enqueue('enter', collection::text, null);
end;
$$;
revoke execute on function intake.stage from public;
grant execute on function intake.stage to invivo_public, invivo_staff;
revoke insert on images.arrived from invivo_public;
drop function intake.enter(bigint);
