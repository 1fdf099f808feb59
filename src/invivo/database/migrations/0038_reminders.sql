-- 1: told that the day is near; 2: told that it has passed.
alter table submissions.expected add column reminded smallint not null default 0;
