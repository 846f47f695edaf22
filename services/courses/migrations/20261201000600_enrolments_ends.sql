-- no-transaction
-- The staff lists enrolments by the end of access; those without one are the last.
create index concurrently enrolments_ends_ix on enrolments ((coalesce(access_ends_at, 'infinity')), enrolment_id);
