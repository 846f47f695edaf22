-- The orders of the editors' list of courses, and the search in it by the beginnings of words of the title.

-- lint: require-concurrent-index-creation: a school has hundreds of courses, so that it takes milliseconds
create index courses_title_ix on courses (title, course_id);
-- lint: require-concurrent-index-creation: a school has hundreds of courses, so that it takes milliseconds
create index courses_updated_ix on courses (updated_at desc, course_id desc);
-- lint: require-concurrent-index-creation: a school has hundreds of courses, so that it takes milliseconds
create index courses_title_words_ix on courses using gin (to_tsvector('simple', translate(title, 'ёЁ', 'еЕ')));
