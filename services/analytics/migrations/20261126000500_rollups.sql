-- What reports are read from. A row of a fact table says what happened to one thing and when, whatever the order in which it was
-- heard; the daily tables are sums of them, kept with them. Days are those of the school's zone, fixed when a row is written.
--
-- Everything here is written under one advisory lock, so that no statement waits for another one's rows.

create table calendar (
    only_row boolean not null default true,
    -- In which zone the days below are counted.
    zone text not null,
    constraint calendar_pk primary key (only_row),
    constraint calendar_one_row check (only_row)
);

insert into calendar (zone) values ('Europe/Moscow');

create table registrations (
    user_id uuid not null,
    registered_at timestamptz not null,
    registered_day date not null,
    constraint registrations_pk primary key (user_id)
);

create index registrations_day_ix on registrations (registered_day);

create table orders (
    order_id uuid not null,
    number text not null,
    buyer_id uuid not null,
    currency text not null,
    total_minor bigint not null,
    -- Null while only the payment was heard of.
    placed_at timestamptz,
    placed_day date,
    paid_at timestamptz,
    paid_day date,
    constraint orders_pk primary key (order_id),
    constraint orders_heard_check check (placed_at is not null or paid_at is not null),
    constraint orders_days_check check (
        (placed_at is null) = (placed_day is null) and (paid_at is null) = (paid_day is null)
    )
);

create index orders_placed_ix on orders (placed_day, placed_at, order_id) where placed_day is not null;
create index orders_paid_ix on orders (paid_day) where paid_day is not null;

create table refunds (
    refund_id uuid not null,
    order_id uuid not null,
    currency text not null,
    amount_minor bigint not null,
    refunded_at timestamptz not null,
    refunded_day date not null,
    constraint refunds_pk primary key (refund_id)
);

create index refunds_order_ix on refunds (order_id);
create index refunds_day_ix on refunds (refunded_day);

-- By which order an enrolment came.
create table entitlements (
    entitlement_id uuid not null,
    order_id uuid not null,
    granted_at timestamptz not null,
    constraint entitlements_pk primary key (entitlement_id)
);

create index entitlements_order_ix on entitlements (order_id);

create table enrolments (
    enrolment_id uuid not null,
    -- Null while only its end was heard of.
    learner_id uuid,
    run_id uuid,
    entitlement_id uuid,
    -- For the first time.
    started_at timestamptz,
    started_day date,
    -- For the last time: one that ended may go on.
    latest_start_at timestamptz,
    -- For the last time.
    ended_at timestamptz,
    completed_at timestamptz,
    completed_day date,
    constraint enrolments_pk primary key (enrolment_id),
    constraint enrolments_days_check check (
        (started_at is null) = (started_day is null) and (completed_at is null) = (completed_day is null)
    ),
    constraint enrolments_started_check check (
        (started_at is null) = (latest_start_at is null)
        and (started_at is null or (learner_id is not null and run_id is not null))
    )
);

create index enrolments_started_ix on enrolments (started_day, started_at, enrolment_id) where started_day is not null;
create index enrolments_completed_ix on enrolments (completed_day) where completed_day is not null;
create index enrolments_run_ix on enrolments (run_id) where started_day is not null;
create index enrolments_entitlement_ix on enrolments (entitlement_id) where entitlement_id is not null;
create index enrolments_learner_ix on enrolments (learner_id) where started_day is not null;

-- The only big table: its one index answers for a run, for an enrolment of a run, and refuses repetitions.
create table lesson_completions (
    run_id uuid not null,
    enrolment_id uuid not null,
    lesson_id uuid not null,
    learner_id uuid not null,
    completed_at timestamptz not null,
    completed_day date not null,
    constraint lesson_completions_pk primary key (run_id, enrolment_id, lesson_id)
);

create table certificates (
    certificate_id uuid not null,
    enrolment_id uuid,
    -- Replaces another one, so that it is not counted once more.
    reissue boolean,
    issued_at timestamptz,
    issued_day date,
    revoked_at timestamptz,
    constraint certificates_pk primary key (certificate_id),
    constraint certificates_issued_check check (
        (issued_at is null) = (issued_day is null)
        and (issued_at is null) = (reissue is null)
        and (issued_at is null) = (enrolment_id is null)
    ),
    constraint certificates_heard_check check (issued_at is not null or revoked_at is not null)
);

create index certificates_issued_ix on certificates (issued_day) where issued_day is not null;

-- A run as its learners see it now.
create table runs (
    run_id uuid not null,
    course_id uuid not null,
    title text not null,
    version integer not null,
    published_at timestamptz not null,
    constraint runs_pk primary key (run_id)
);

create table run_lessons (
    run_id uuid not null,
    position integer not null,
    lesson_id uuid not null,
    title text not null,
    required boolean not null,
    constraint run_lessons_pk primary key (run_id, position),
    constraint run_lessons_run_fk foreign key (run_id) references runs on delete cascade
);

-- When a person enrolled for the first time: their cohort.
create table learners (
    learner_id uuid not null,
    first_enrolled_at timestamptz not null,
    first_enrolled_day date not null,
    constraint learners_pk primary key (learner_id)
);

create index learners_day_ix on learners (first_enrolled_day, learner_id);

create table activity_days (
    learner_id uuid not null,
    day date not null,
    constraint activity_days_pk primary key (learner_id, day)
);

create index activity_days_day_ix on activity_days (day);

-- How many of a day's learners learnt for the last time how many days before; 32 stands for longer ago and never. Who learnt in a
-- window of up to 32 days is counted on their first day in it: the one whose gap reaches back to before the window.
create table activity_gaps (
    day date not null,
    gap smallint not null,
    learners bigint not null,
    constraint activity_gaps_pk primary key (day, gap),
    constraint activity_gaps_gap_check check (gap between 1 and 32)
);

create table daily_revenue (
    day date not null,
    currency text not null,
    -- Sums of what fits a bigint need not fit one.
    gross_minor numeric(30) not null,
    orders bigint not null,
    refunds_minor numeric(30) not null,
    refunds bigint not null,
    constraint daily_revenue_pk primary key (currency, day)
);

create table daily_counts (
    day date not null,
    registrations bigint not null,
    enrolments bigint not null,
    completions bigint not null,
    certificates bigint not null,
    constraint daily_counts_pk primary key (day)
);
