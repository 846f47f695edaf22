//! Runs, enrolments, completed lessons, and the days on which people learnt.

use sqlx::PgConnection;
use time::Date;

use super::{columns, drop_empty_days};
use crate::domain::{
    fact::{Fact, What},
    id::UserId,
};

/// The newest publication stays, with its lessons.
pub(super) async fn published(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    let runs = facts.iter().filter_map(|fact| match &fact.what {
        What::RunPublished { course, run, version, title, lessons } => {
            Some((fact.at, *course, *run, *version, title, lessons))
        }
        _ => None,
    });
    // There are few: editors publish by hand.
    for (at, course, run, version, title, lessons) in runs {
        let newer = sqlx::query(
            "insert into runs as r (run_id, course_id, title, version, published_at)
             values ($1, $2, $3, $4, $5)
             on conflict (run_id) do update
             set course_id = excluded.course_id,
                 title = excluded.title,
                 version = excluded.version,
                 published_at = excluded.published_at
             where (r.published_at, r.version) < (excluded.published_at, excluded.version)",
        )
        .bind(run)
        .bind(course)
        .bind(title)
        .bind(version)
        .bind(at)
        .execute(&mut *conn)
        .await?;
        if newer.rows_affected() == 0 {
            continue;
        }
        sqlx::query("delete from run_lessons where run_id = $1").bind(run).execute(&mut *conn).await?;
        sqlx::query(
            "insert into run_lessons (run_id, position, lesson_id, title, required)
             select $1, position, lesson_id, title, required
             from unnest($2::uuid[], $3::text[], $4::boolean[])
                 with ordinality as lesson (lesson_id, title, required, position)",
        )
        .bind(run)
        .bind(lessons.iter().map(|lesson| lesson.id).collect::<Vec<_>>())
        .bind(lessons.iter().map(|lesson| lesson.title.as_str()).collect::<Vec<_>>())
        .bind(lessons.iter().map(|lesson| lesson.required).collect::<Vec<_>>())
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// An enrolment that ended may start again: it counts on the day on which it started for the first time.
pub(super) async fn started(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    columns!(
        facts,
        What::EnrolmentStarted { enrolment, learner, run, entitlement, .. } => {
            enrolments: *enrolment,
            learners: *learner,
            runs: *run,
            entitlements: *entitlement,
        },
        at
    );
    if at.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with heard as (
             select distinct on (enrolment_id) enrolment_id, learner_id, run_id, entitlement_id, at as first_at,
                    max(at) over (partition by enrolment_id) as latest_at
             from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[])
                 as heard (enrolment_id, learner_id, run_id, entitlement_id, at)
             order by enrolment_id, at
         ),
         before as (
             select e.enrolment_id, e.started_day
             from heard
             join enrolments e on e.enrolment_id = heard.enrolment_id
             where e.started_day is not null
         ),
         started as (
             insert into enrolments as e (
                 enrolment_id, learner_id, run_id, entitlement_id, started_at, started_day, latest_start_at
             )
             select enrolment_id, learner_id, run_id, entitlement_id, first_at,
                    (first_at at time zone (select zone from calendar))::date, latest_at
             from heard
             on conflict (enrolment_id) do update
             set (learner_id, run_id, entitlement_id, started_at, started_day) = (
                     select first.learner_id, first.run_id, first.entitlement_id, first.started_at, first.started_day
                     from (
                         values
                             (e.learner_id, e.run_id, e.entitlement_id, e.started_at, e.started_day),
                             (
                                 excluded.learner_id, excluded.run_id, excluded.entitlement_id,
                                 excluded.started_at, excluded.started_day
                             )
                     ) as first (learner_id, run_id, entitlement_id, started_at, started_day)
                     order by first.started_at
                     limit 1
                 ),
                 latest_start_at = greatest(e.latest_start_at, excluded.latest_start_at)
             returning enrolment_id, started_day
         ),
         changed as (
             select started_day as day, 1 as by from started
             union all
             select started_day, -1 from before
         )
         insert into daily_counts as d (day, registrations, enrolments, completions, certificates)
         select day, 0, sum(by), 0, 0
         from changed
         group by day
         having sum(by) <> 0
         on conflict (day) do update
         set enrolments = d.enrolments + excluded.enrolments",
    )
    .bind(&enrolments)
    .bind(&learners)
    .bind(&runs)
    .bind(&entitlements)
    .bind(&at)
    .execute(&mut *conn)
    .await?;
    drop_empty_days(conn).await?;
    sqlx::query(
        "insert into learners as l (learner_id, first_enrolled_at, first_enrolled_day)
         select learner_id, min(at), (min(at) at time zone (select zone from calendar))::date
         from unnest($1::uuid[], $2::timestamptz[]) as heard (learner_id, at)
         group by learner_id
         on conflict (learner_id) do update
         set first_enrolled_at = excluded.first_enrolled_at, first_enrolled_day = excluded.first_enrolled_day
         where l.first_enrolled_at > excluded.first_enrolled_at",
    )
    .bind(&learners)
    .bind(&at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn ended(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    columns!(facts, What::EnrolmentEnded { enrolment, .. } => { enrolments: *enrolment }, at);
    if at.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into enrolments as e (enrolment_id, ended_at)
         select enrolment_id, max(at)
         from unnest($1::uuid[], $2::timestamptz[]) as heard (enrolment_id, at)
         group by enrolment_id
         on conflict (enrolment_id) do update
         set ended_at = greatest(e.ended_at, excluded.ended_at)",
    )
    .bind(enrolments)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Courses that were finished.
pub(super) async fn finished(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    columns!(facts, What::CourseCompleted { enrolment, .. } => { enrolments: *enrolment }, at);
    if at.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with finished as (
             insert into enrolments as e (enrolment_id, completed_at, completed_day)
             select enrolment_id, min(at), (min(at) at time zone (select zone from calendar))::date
             from unnest($1::uuid[], $2::timestamptz[]) as heard (enrolment_id, at)
             group by enrolment_id
             on conflict (enrolment_id) do update
             set completed_at = excluded.completed_at, completed_day = excluded.completed_day
             where e.completed_at is null
             returning completed_day
         )
         insert into daily_counts as d (day, registrations, enrolments, completions, certificates)
         select completed_day, 0, 0, count(*), 0
         from finished
         group by completed_day
         on conflict (day) do update
         set completions = d.completions + excluded.completions",
    )
    .bind(enrolments)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Lessons that were completed, and the days on which their learners learnt.
pub(super) async fn completed(conn: &mut PgConnection, facts: &[Fact]) -> Result<(), sqlx::Error> {
    columns!(
        facts,
        What::LessonCompleted { enrolment, learner, run, lesson } => {
            runs: *run,
            enrolments: *enrolment,
            lessons: *lesson,
            learners: *learner,
        },
        at
    );
    if at.is_empty() {
        return Ok(());
    }
    let days: Vec<(UserId, Date)> = sqlx::query_as(
        "with added as (
             insert into lesson_completions (run_id, enrolment_id, lesson_id, learner_id, completed_at, completed_day)
             select distinct on (run_id, enrolment_id, lesson_id) run_id, enrolment_id, lesson_id, learner_id, at,
                    (at at time zone (select zone from calendar))::date
             from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[])
                 as heard (run_id, enrolment_id, lesson_id, learner_id, at)
             order by run_id, enrolment_id, lesson_id, at
             on conflict (run_id, enrolment_id, lesson_id) do nothing
             returning learner_id, completed_day
         )
         insert into activity_days (learner_id, day)
         select distinct learner_id, completed_day
         from added
         order by learner_id, completed_day
         on conflict (learner_id, day) do nothing
         returning learner_id, day",
    )
    .bind(runs)
    .bind(enrolments)
    .bind(lessons)
    .bind(learners)
    .bind(at)
    .fetch_all(&mut *conn)
    .await?;
    if days.is_empty() { Ok(()) } else { widen(conn, &days).await }
}

/// Counts the gaps that end at new days of learners, and takes back those that the new days cut in two.
async fn widen(conn: &mut PgConnection, new: &[(UserId, Date)]) -> Result<(), sqlx::Error> {
    let (learners, days): (Vec<_>, Vec<_>) = new.iter().copied().unzip();
    sqlx::query(
        "with new as materialized (
             select learner_id, day
             from unnest($1::uuid[], $2::date[]) as new (learner_id, day)
         ),
         -- The first old day after each new one, whose gap was another one before.
         cut as materialized (
             select distinct new.learner_id, later.day
             from new
             cross join lateral (
                 select d.day
                 from activity_days d
                 where d.learner_id = new.learner_id
                   and d.day > new.day
                 order by d.day
                 limit 1
             ) as later
             where not exists (select from new as also where also.learner_id = new.learner_id and also.day = later.day)
         ),
         changed as (
             select day, gap, 1 as by
             from (select learner_id, day from new union all select learner_id, day from cut) as touched
             cross join lateral (
                 select least(coalesce(touched.day - max(d.day), 32), 32)::smallint as gap
                 from activity_days d
                 where d.learner_id = touched.learner_id
                   and d.day < touched.day
             ) as now
             union all
             select day, gap, -1
             from cut
             cross join lateral (
                 select least(coalesce(cut.day - max(d.day), 32), 32)::smallint as gap
                 from activity_days d
                 where d.learner_id = cut.learner_id
                   and d.day < cut.day
                   and not exists (
                       select from new where new.learner_id = d.learner_id and new.day = d.day
                   )
             ) as before
         )
         insert into activity_gaps as g (day, gap, learners)
         select day, gap, sum(by)
         from changed
         group by day, gap
         having sum(by) <> 0
         on conflict (day, gap) do update
         set learners = g.learners + excluded.learners",
    )
    .bind(learners)
    .bind(days)
    .execute(&mut *conn)
    .await?;
    sqlx::query("delete from activity_gaps where learners = 0").execute(conn).await?;
    Ok(())
}
