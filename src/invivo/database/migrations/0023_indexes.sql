-- One hit among a million: what peers and clients ask by most.
create index subject_label on subjects.subject (label);
create index subject_name on subjects.subject (lower(coalesce(name, label)));
create index study_accession on images.study (accession_number);
