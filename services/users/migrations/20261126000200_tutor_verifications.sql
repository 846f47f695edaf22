-- A copy of what documents decided about tutors' papers: the last day on which they are believed, 9999-12-31 for ever, null for not.
create table tutor_verifications (
    user_id uuid not null,
    believed_until date,
    version bigint not null,
    constraint tutor_verifications_pk primary key (user_id),
    constraint tutor_verifications_user_fk foreign key (user_id) references users (user_id)
);
