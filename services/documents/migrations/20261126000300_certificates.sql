-- Our copy of whom certificates name, from ProfileChanged. An erased person keeps a row without a name, so that a late event
-- does not bring the person back.
create table holders (
    holder_id uuid not null,
    version bigint not null,
    name text not null,
    language text not null,
    erased_at timestamptz,
    constraint holders_pk primary key (holder_id),
    constraint holders_erased_check check (erased_at is null or name = '')
);

-- Our copy of what runs are called, from RunPublished.
create table runs (
    run_id uuid not null,
    version bigint not null,
    title text not null,
    language text not null,
    constraint runs_pk primary key (run_id)
);

-- What the school says about who finished which course: a snapshot that nothing changes, and whether it still holds.
create table certificates (
    certificate_id uuid not null,
    version bigint not null,
    number text not null,
    -- The number as it is looked up: without hyphens, and with one sign for those that look alike.
    number_key text not null,
    learner_id uuid not null,
    holder_name text not null,
    course_id uuid not null,
    run_id uuid not null,
    enrolment_id uuid not null,
    course_title text not null,
    course_version integer not null,
    language text not null,
    state text not null,
    completed_at timestamptz not null,
    issued_at timestamptz not null,
    revoked_at timestamptz,
    revoked_reason text not null default '',
    predecessor_id uuid,
    successor_id uuid,
    erased_at timestamptz,
    -- When its PDF is due: in the hands of a printer, when the printer is taken for dead.
    print_at timestamptz,
    print_attempts integer not null default 0,
    -- When its PDF is to be deleted.
    unprint_at timestamptz,
    constraint certificates_pk primary key (certificate_id),
    constraint certificates_number_key unique (number_key),
    constraint certificates_predecessor_key unique (predecessor_id),
    constraint certificates_predecessor_fk foreign key (predecessor_id) references certificates (certificate_id),
    constraint certificates_successor_fk foreign key (successor_id) references certificates (certificate_id),
    constraint certificates_state_check check (state in ('issued', 'printed', 'revoked', 'replaced')),
    constraint certificates_revoked_check check (
        (state in ('revoked', 'replaced')) = (revoked_at is not null)
        and (revoked_at is null) = (revoked_reason = '')
    ),
    constraint certificates_replaced_check check ((state = 'replaced') = (successor_id is not null)),
    constraint certificates_erased_check check ((erased_at is not null) = (holder_name = '')),
    constraint certificates_print_check check (print_at is null or (state = 'issued' and erased_at is null))
);

-- One finished enrolment, one certificate: only a re-issue adds another.
create unique index certificates_enrolment_key on certificates (enrolment_id) where predecessor_id is null;
create index certificates_learner_idx on certificates (learner_id, certificate_id desc);
create index certificates_course_idx on certificates (course_id, certificate_id desc);
create index certificates_print_idx on certificates (print_at) where print_at is not null;
create index certificates_unprint_idx on certificates (unprint_at) where unprint_at is not null;
