-- no-transaction
-- The staff lists the enrolments in a state.
create index concurrently enrolments_state_ix on enrolments (state, enrolment_id desc);
