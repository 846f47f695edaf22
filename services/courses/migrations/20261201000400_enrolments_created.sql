-- no-transaction
-- The staff lists the enrolments that were made in a time.
create index concurrently enrolments_created_ix on enrolments (created_at);
