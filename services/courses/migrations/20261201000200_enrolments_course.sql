-- no-transaction
-- The staff lists the enrolments of a course.
create index concurrently enrolments_course_ix on enrolments (course_id, enrolment_id desc);
