-- Each order and filter of the lists of the staff has its index.

create index enrolments_course_ix on enrolments (course_id, enrolment_id desc);
create index enrolments_state_ix on enrolments (state, enrolment_id desc);
create index enrolments_created_ix on enrolments (created_at);
create index enrolments_starts_ix on enrolments (starts_at desc, enrolment_id desc);
create index enrolments_ends_ix on enrolments ((coalesce(access_ends_at, 'infinity')), enrolment_id);

create index courses_title_ix on courses (title, course_id);
create index courses_updated_ix on courses (updated_at desc, course_id desc);
create index courses_title_words_ix on courses using gin (to_tsvector('simple', translate(title, 'ёЁ', 'еЕ')));
