-- Tutors' papers as verification cases, what the Document System is asked about them, and whether somebody may teach.

-- A tutor's standing, and the lock under which every case of the tutor changes.
create table tutors (
    tutor_id uuid not null,
    verified boolean not null default false,
    -- The last day of the standing; null for ever, or if there is none.
    valid_until date,
    -- The papers that the school asked for when the standing was last worked out.
    asked text not null default '',
    version bigint not null default 0,
    erased_at timestamptz,
    constraint tutors_pk primary key (tutor_id),
    constraint tutors_valid_until_check check (verified or valid_until is null)
);

create table verification_cases (
    case_id uuid not null,
    tutor_id uuid not null,
    kind text not null,
    state text not null,
    -- The last day of the paper as its owner says; null for one that does not run out.
    claimed_until date,
    -- The same as it was found out.
    valid_until date,
    reason text,
    comment text not null,
    deadline timestamptz,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint verification_cases_pk primary key (case_id),
    constraint verification_cases_tutor_fk foreign key (tutor_id) references tutors,
    constraint verification_cases_kind_check check (
        kind in ('identity', 'education', 'no_criminal_record', 'tax_status')
    ),
    constraint verification_cases_state_check check (
        state in (
            'checking', 'in_review', 'approved_once', 'verified', 'rejected', 'withdrawn', 'expired', 'revoked'
        )
    ),
    constraint verification_cases_valid_until_check check (
        case state when 'expired' then valid_until is not null when 'verified' then true else valid_until is null end
    ),
    constraint verification_cases_reason_check check ((state in ('rejected', 'revoked')) = (reason is not null)),
    constraint verification_cases_deadline_check check ((state = 'checking') = (deadline is not null))
);

-- One case a kind of paper at a time.
create unique index verification_cases_open_key on verification_cases (tutor_id, kind)
where state in ('checking', 'in_review', 'approved_once');

create index verification_cases_tutor_idx on verification_cases (tutor_id, case_id);
create index verification_cases_state_idx on verification_cases (state, case_id);
create index verification_cases_deadline_idx on verification_cases (deadline) where deadline is not null;
create index verification_cases_valid_until_idx on verification_cases (valid_until) where state = 'verified';

create table case_files (
    case_id uuid not null,
    position smallint not null,
    file_id uuid not null,
    constraint case_files_pk primary key (case_id, position),
    constraint case_files_file_key unique (case_id, file_id),
    constraint case_files_case_fk foreign key (case_id) references verification_cases
);

create index case_files_file_idx on case_files (file_id);

-- Who approved. Nobody does twice, whatever happens at once.
create table case_approvals (
    case_id uuid not null,
    reviewer_id uuid not null,
    valid_until date,
    approved_at timestamptz not null,
    constraint case_approvals_pk primary key (case_id, reviewer_id),
    constraint case_approvals_case_fk foreign key (case_id) references verification_cases
);

create table case_entries (
    entry_id bigint generated always as identity,
    case_id uuid not null,
    what text not null,
    actor text not null,
    detail text not null,
    at timestamptz not null,
    constraint case_entries_pk primary key (entry_id),
    constraint case_entries_case_fk foreign key (case_id) references verification_cases
);

create index case_entries_case_idx on case_entries (case_id, entry_id);

-- Reminders that were announced, each once.
create table case_reminders (
    case_id uuid not null,
    days_left smallint not null,
    announced_at timestamptz not null,
    constraint case_reminders_pk primary key (case_id, days_left),
    constraint case_reminders_case_fk foreign key (case_id) references verification_cases
);

-- What the Document System is asked: sent when send_at has come, again under the same id, until the case is not its any more.
create table case_asks (
    case_id uuid not null,
    ask_id uuid not null,
    traceparent text not null,
    asked integer not null default 0,
    send_at timestamptz not null,
    constraint case_asks_pk primary key (case_id),
    constraint case_asks_ask_key unique (ask_id),
    constraint case_asks_case_fk foreign key (case_id) references verification_cases
);

create index case_asks_send_at_idx on case_asks (send_at);

-- Answers of the Document System that had their effect, so that a repetition has none. Its ids are texts.
create table case_answers (
    source text not null,
    event_id text not null,
    received_at timestamptz not null,
    constraint case_answers_pk primary key (source, event_id)
);

create index case_answers_received_at_idx on case_answers (received_at);
