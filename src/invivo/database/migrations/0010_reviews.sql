create schema reviews;

create table reviews.item (
    id bigint generated always as identity primary key,
    collection_id bigint not null references collections.collection (id),
    submission_id bigint not null references submissions.submission (id),
    series_id bigint not null references quarantine.series (id),
    state text not null default 'open' check (state in ('open', 'deferred', 'approved', 'rejected')),
    opened_at timestamptz not null default now(),
    approved_once_by text,
    decided_at timestamptz,
    decided_by text,
    reason text not null default ''
);
create unique index item_unsettled on reviews.item (series_id) where state in ('open', 'deferred');
create index item_collection on reviews.item (collection_id, state, id);

create table reviews.finding (
    id bigint generated always as identity primary key,
    item_id bigint not null references reviews.item (id) on delete cascade,
    object_id bigint,
    severity text not null check (severity in ('info', 'warning', 'hold')),
    code text not null,
    path text not null default '',
    text text not null
);
create index finding_item on reviews.finding (item_id);
