-- Courses, their drafts, published versions and runs.

-- array_to_string is only stable for arrays in general; of texts it is immutable, which a generated column asks for.
create function tags_text(tags text[]) returns text
    language sql immutable parallel safe
    return array_to_string(tags, ' ');

-- The configuration by which texts of a language are searched.
create function search_language(language text) returns regconfig
    language sql immutable parallel safe
    return case language when 'ru' then 'pg_catalog.russian'::regconfig else 'pg_catalog.english'::regconfig end;

create table courses (
    course_id uuid not null,
    state text not null,
    language text not null,
    level text,
    title text not null,
    summary text not null,
    description text not null,
    tags text[] not null,
    cover_media_id text,
    latest_version integer not null,
    revision bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    published_at timestamptz,
    -- People write ё and е for one another.
    search tsvector not null generated always as (
        setweight(to_tsvector(search_language(language), translate(title, 'ёЁ', 'еЕ')), 'A')
        || setweight(to_tsvector(search_language(language), translate(summary || ' ' || tags_text(tags), 'ёЁ', 'еЕ')), 'B')
        || setweight(to_tsvector(search_language(language), translate(description, 'ёЁ', 'еЕ')), 'C')
    ) stored,
    constraint courses_pk primary key (course_id),
    constraint courses_state_ck check (state in ('draft', 'published', 'archived')),
    constraint courses_language_ck check (language in ('ru', 'en')),
    constraint courses_level_ck check (level in ('beginner', 'intermediate', 'advanced')),
    constraint courses_published_ck check (state <> 'published' or (published_at is not null and latest_version > 0))
);

create index courses_published_ix on courses (published_at desc, course_id desc) where state = 'published';
create index courses_search_ix on courses using gin (search) where state = 'published';

-- The content as it is being edited: the outline in one place, so that each operation on it is checked as a whole, and
-- the bodies of the lessons apart, so that moving a lesson does not rewrite them.
create table drafts (
    course_id uuid not null,
    outline jsonb not null,
    revision bigint not null,
    updated_at timestamptz not null,
    constraint drafts_pk primary key (course_id),
    constraint drafts_course_fk foreign key (course_id) references courses (course_id)
);

create table draft_lessons (
    course_id uuid not null,
    lesson_id uuid not null,
    content jsonb not null,
    revision bigint not null,
    constraint draft_lessons_pk primary key (course_id, lesson_id),
    constraint draft_lessons_draft_fk foreign key (course_id) references drafts (course_id)
);

create table versions (
    course_id uuid not null,
    version integer not null,
    -- The draft's revision that was taken.
    draft_revision bigint not null,
    outline jsonb not null,
    note text not null,
    lesson_count integer not null,
    published_at timestamptz not null,
    published_by text not null,
    constraint versions_pk primary key (course_id, version),
    constraint versions_course_fk foreign key (course_id) references courses (course_id),
    constraint versions_version_ck check (version > 0)
);

create table version_lessons (
    course_id uuid not null,
    version integer not null,
    lesson_id uuid not null,
    content jsonb not null,
    constraint version_lessons_pk primary key (course_id, version, lesson_id),
    constraint version_lessons_version_fk foreign key (course_id, version) references versions (course_id, version)
);

-- Learners' progress and attempts lean on published versions: nothing may change under them.
create function refuse_change() returns trigger
    language plpgsql
    as $$
begin
    raise exception '% is append-only', tg_table_name
        using errcode = 'restrict_violation', constraint = tg_name;
end
$$;

create trigger versions_immutable
    before update or delete or truncate on versions
    for each statement execute function refuse_change();

create trigger version_lessons_immutable
    before update or delete or truncate on version_lessons
    for each statement execute function refuse_change();

create table runs (
    run_id uuid not null,
    course_id uuid not null,
    state text not null,
    title text not null,
    pacing text not null,
    sequence text not null,
    starts_at timestamptz,
    ends_at timestamptz,
    enrolment_starts_at timestamptz,
    enrolment_ends_at timestamptz,
    -- None before it is published.
    version integer,
    -- The version for which it was looked up which learners are done by it.
    settled_version integer,
    revision bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint runs_pk primary key (run_id),
    constraint runs_course_fk foreign key (course_id) references courses (course_id),
    constraint runs_version_fk foreign key (course_id, version) references versions (course_id, version),
    constraint runs_state_ck check (state in ('draft', 'published', 'closed')),
    constraint runs_pacing_ck check (pacing in ('self_paced', 'scheduled')),
    constraint runs_sequence_ck check (sequence in ('free', 'lesson_by_lesson', 'section_by_section')),
    constraint runs_published_ck check (state <> 'published' or version is not null),
    constraint runs_scheduled_ck check (pacing <> 'scheduled' or starts_at is not null),
    constraint runs_window_ck check (ends_at > starts_at),
    constraint runs_enrolment_window_ck check (enrolment_ends_at > enrolment_starts_at)
);

create index runs_course_ix on runs (course_id, run_id desc);
