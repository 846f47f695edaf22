-- Entitlements, enrolments, progress and attempts. Each table has learner_id first in its primary key and no unique rule
-- across learners, so that it can be partitioned by learner.

-- Our copy of the payments service's entitlements. There is no foreign key to runs: a revocation is kept even before
-- anything else is known, so that a grant that comes after it cannot win.
create table entitlements (
    learner_id uuid not null,
    entitlement_id uuid not null,
    run_id uuid not null,
    order_id uuid not null,
    starts_at timestamptz,
    ends_at timestamptz,
    revoked_at timestamptz,
    revoked_reason text,
    -- The aggregate version that the copy shows.
    version bigint not null,
    constraint entitlements_pk primary key (learner_id, entitlement_id),
    constraint entitlements_granted_ck check (starts_at is not null or revoked_at is not null),
    constraint entitlements_revoked_ck check ((revoked_at is null) = (revoked_reason is null))
);

create index entitlements_run_ix on entitlements (learner_id, run_id);

create table enrolments (
    learner_id uuid not null,
    enrolment_id uuid not null,
    course_id uuid not null,
    run_id uuid not null,
    attempt integer not null,
    state text not null,
    mode text not null,
    entitlement_id uuid,
    starts_at timestamptz not null,
    access_ends_at timestamptz,
    extended_until timestamptz,
    delay_microseconds bigint not null,
    paused_since timestamptz,
    completed_at timestamptz,
    ended_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    revision bigint not null,
    constraint enrolments_pk primary key (learner_id, enrolment_id),
    constraint enrolments_run_fk foreign key (run_id) references runs (run_id),
    constraint enrolments_attempt_uk unique (learner_id, run_id, attempt),
    constraint enrolments_state_ck
        check (state in ('active', 'paused', 'completed', 'expired', 'withdrawn', 'revoked')),
    constraint enrolments_mode_ck check (mode in ('entitled', 'granted')),
    constraint enrolments_paused_ck check ((state = 'paused') = (paused_since is not null)),
    constraint enrolments_completed_ck check (state <> 'completed' or completed_at is not null),
    constraint enrolments_ended_ck
        check ((state in ('expired', 'withdrawn', 'revoked')) = (ended_at is not null))
);

-- A learner learns in a run once at a time.
create unique index enrolments_live_uk on enrolments (learner_id, run_id)
    where state in ('active', 'paused', 'completed');
create index enrolments_id_ix on enrolments (enrolment_id);
create index enrolments_run_ix on enrolments (run_id, enrolment_id desc);
create index enrolments_updated_ix on enrolments (updated_at);
create index enrolments_due_ix on enrolments (access_ends_at) where state in ('active', 'completed');

create table enrolment_changes (
    learner_id uuid not null,
    enrolment_id uuid not null,
    revision bigint not null,
    state text not null,
    reason text not null,
    note text not null,
    actor text not null,
    occurred_at timestamptz not null,
    constraint enrolment_changes_pk primary key (learner_id, enrolment_id, revision),
    constraint enrolment_changes_enrolment_fk
        foreign key (learner_id, enrolment_id) references enrolments (learner_id, enrolment_id)
);

create table lesson_progress (
    learner_id uuid not null,
    enrolment_id uuid not null,
    lesson_id uuid not null,
    percent smallint not null,
    started_at timestamptz not null,
    touched_at timestamptz not null,
    completed_at timestamptz,
    -- Of a video: starts and ends of the watched parts in turn, in milliseconds.
    media_id text,
    watched integer[],
    position_ms integer,
    position_client_at timestamptz,
    position_player text,
    position_sequence bigint,
    -- Of a quiz: the best graded attempt.
    best_score integer,
    best_max_score integer,
    constraint lesson_progress_pk primary key (learner_id, enrolment_id, lesson_id),
    constraint lesson_progress_enrolment_fk
        foreign key (learner_id, enrolment_id) references enrolments (learner_id, enrolment_id),
    constraint lesson_progress_percent_ck check (percent between 0 and 100),
    constraint lesson_progress_media_ck check ((media_id is null) = (watched is null))
);

create table quiz_attempts (
    learner_id uuid not null,
    attempt_id uuid not null,
    enrolment_id uuid not null,
    course_id uuid not null,
    run_id uuid not null,
    lesson_id uuid not null,
    version integer not null,
    number integer not null,
    started_at timestamptz not null,
    deadline timestamptz,
    max_score integer not null,
    submitted_at timestamptz,
    timed_out boolean,
    score integer,
    passed boolean,
    -- Points by question.
    scores jsonb,
    constraint quiz_attempts_pk primary key (learner_id, attempt_id),
    constraint quiz_attempts_enrolment_fk
        foreign key (learner_id, enrolment_id) references enrolments (learner_id, enrolment_id),
    constraint quiz_attempts_lesson_fk
        foreign key (course_id, version, lesson_id) references version_lessons (course_id, version, lesson_id),
    constraint quiz_attempts_number_uk unique (learner_id, enrolment_id, lesson_id, number),
    constraint quiz_attempts_graded_ck check (
        (submitted_at is null) = (score is null)
        and (submitted_at is null) = (passed is null)
        and (submitted_at is null) = (timed_out is null)
        and (submitted_at is null) = (scores is null)
    )
);

create unique index quiz_attempts_open_uk on quiz_attempts (learner_id, enrolment_id, lesson_id)
    where submitted_at is null;
create index quiz_attempts_due_ix on quiz_attempts (deadline) where submitted_at is null;

-- Every answer that was ever given; the last one to a question counts. Rows are only added, and go with an erasure.
create table attempt_answers (
    learner_id uuid not null,
    attempt_id uuid not null,
    step integer not null,
    question_id uuid not null,
    answer jsonb not null,
    answered_at timestamptz not null,
    constraint attempt_answers_pk primary key (learner_id, attempt_id, step),
    constraint attempt_answers_attempt_fk
        foreign key (learner_id, attempt_id) references quiz_attempts (learner_id, attempt_id)
);

create trigger attempt_answers_append_only
    before update or truncate on attempt_answers
    for each statement execute function refuse_change();

-- Whose data was erased: an event that comes late must not bring it back.
create table erased_learners (
    learner_id uuid not null,
    erased_at timestamptz not null,
    constraint erased_learners_pk primary key (learner_id)
);
