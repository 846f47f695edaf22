-- no-transaction
-- The staff lists enrolments by their start.
create index concurrently enrolments_starts_ix on enrolments (starts_at desc, enrolment_id desc);
