-- Files of proposals that no row names yet, or none any more: what a killed process leaves behind is found by the sweep.
create table submissions.leaving (
    digest text primary key,
    at timestamptz not null default now()
);
grant select, insert, update, delete on submissions.leaving to invivo_staff;

-- Signing for the archive and opening the collection are one step now. Where it broke off between, it is signed again.
update submissions.agreement a set counter_name = '', counter_by = '', counter_at = null
from submissions.proposal q where q.id = a.proposal_id and q.state = 'accepted';
alter table submissions.proposal drop column opening_name, drop column opening_at;

-- What the archive itself writes into cleaned objects is listed last among their values.
update quarantine.value set risk = 5
where (path = 'DeidentificationMethod' and value like 'invivo %, PS3.15 Annex E, profile %' and value not like E'%\\\\%')
    or (path like 'ContributingEquipmentSequence.%' and value in ('invivo', 'invivo deidentification', 'De-identifying Equipment'));
