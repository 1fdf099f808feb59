-- What the subjects of a collection have, in words: cancer types and other diseases.
alter table collections.collection add column diseases text[] not null default '{}';
