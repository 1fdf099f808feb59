-- A collection may ask that what an approval gives is taken after a sign-in with a second factor only.
alter table collections.collection add column needs_factor boolean not null default false;
