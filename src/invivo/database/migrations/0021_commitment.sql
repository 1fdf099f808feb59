-- What a sender asks at storage commitment: which of its objects are durable here. The public doors can ask it of the one
-- collection that the sender delivers into, and learn nothing else of what is held.
create function intake.kept(submission bigint, uids text[]) returns table (uid text, sop_class text)
language sql stable security definer set search_path = public as $$
    select o.sop_uid, o.sop_class_uid from submissions.submission s
        join quarantine.object o on o.collection_id = s.collection_id and o.sop_uid = any (uids) and o.sop_uid <> ''
        where s.id = submission and o.state <> 'discarded'
    union
    select a.uid, a.sop_class_uid from submissions.submission s
        join images.arrived a on a.collection_id = s.collection_id and a.uid = any (uids)
        where s.id = submission
    union
    select i.uid, i.sop_class_uid from submissions.submission s
        join images.instance i on i.uid = any (uids) and upper_inf(i.releases)
        join images.series r on r.key = i.series_key and r.collection_id = s.collection_id and upper_inf(r.releases)
        where s.id = submission;
$$;
revoke execute on function intake.kept(bigint, text[]) from public;
grant execute on function intake.kept(bigint, text[]) to invivo_public, invivo_staff;
create index arrived_uid on images.arrived (uid);
