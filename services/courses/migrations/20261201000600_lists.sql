-- Each order and filter of the lists of the staff has its index.

-- lint: require-concurrent-index-creation: a million rows take two seconds, and a concurrent one may fail half made
create index enrolments_course_ix on enrolments (course_id, enrolment_id desc);
-- lint: require-concurrent-index-creation: a million rows take two seconds, and a concurrent one may fail half made
create index enrolments_state_ix on enrolments (state, enrolment_id desc);
-- lint: require-concurrent-index-creation: a million rows take two seconds, and a concurrent one may fail half made
create index enrolments_created_ix on enrolments (created_at);
-- lint: require-concurrent-index-creation: a million rows take two seconds, and a concurrent one may fail half made
create index enrolments_starts_ix on enrolments (starts_at desc, enrolment_id desc);
-- lint: require-concurrent-index-creation: a million rows take two seconds, and a concurrent one may fail half made
create index enrolments_ends_ix on enrolments ((coalesce(access_ends_at, 'infinity')), enrolment_id);

-- lint: require-concurrent-index-creation: a school has hundreds of courses, so that it takes milliseconds
create index courses_title_ix on courses (title, course_id);
-- lint: require-concurrent-index-creation: a school has hundreds of courses, so that it takes milliseconds
create index courses_updated_ix on courses (updated_at desc, course_id desc);
-- Words of titles by their beginnings, as the list searches them.
-- lint: require-concurrent-index-creation: a school has hundreds of courses, so that it takes milliseconds
create index courses_title_words_ix on courses using gin (to_tsvector('simple', translate(title, 'ёЁ', 'еЕ')));
