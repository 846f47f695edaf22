use std::collections::BTreeMap;

use crate::helpers::database;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime, macros::datetime};
use values::{Currency, Language, Money, Named, Record, Text, TimeZone, record};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
enum State {
    Draft,
    #[named("on_sale")]
    Open,
}

#[derive(Debug, Clone, PartialEq, values::Column)]
struct Tags(Vec<String>);

#[derive(Debug, Clone, PartialEq, values::Column)]
#[column(parse)]
struct Number(String);

impl Number {
    fn parse(text: &str) -> Option<Self> {
        text.starts_with("LY").then(|| Self(text.to_owned()))
    }
}

#[derive(Debug, Clone, PartialEq, Record)]
#[record(constructor = new)]
struct Window {
    starts_at: Option<OffsetDateTime>,
    ends_at: Option<OffsetDateTime>,
}

impl Window {
    fn new(starts_at: Option<OffsetDateTime>, ends_at: Option<OffsetDateTime>) -> Result<Self, String> {
        let backwards = starts_at.zip(ends_at).is_some_and(|(start, end)| end <= start);
        if backwards { Err("expected an end later than the start".to_owned()) } else { Ok(Self { starts_at, ends_at }) }
    }
}

/// An enum with data, which stands in two columns.
#[derive(Debug, Clone, PartialEq)]
enum Seat {
    Free,
    Taken { since: OffsetDateTime },
}

impl Record for Seat {
    const COLUMNS: &'static [record::Column] = &[record::Column::of("seat"), record::Column::of("taken_at")];

    fn read(row: &record::Row<'_>) -> Result<Self, record::Error> {
        match (row.get::<&str>("seat")?, row.get("taken_at")?) {
            ("free", None) => Ok(Self::Free),
            ("taken", Some(since)) => Ok(Self::Taken { since }),
            _ => Err(record::refused("a seat that cannot be")),
        }
    }

    fn bind(seat: Option<&Self>, to: &mut record::Arguments) {
        let since = match seat {
            Some(Self::Taken { since }) => Some(*since),
            _ => None,
        };
        to.add(seat.map(|_| if since.is_some() { "taken" } else { "free" }));
        to.add(since);
    }
}

#[derive(Debug, Clone, PartialEq, Record)]
struct Promo {
    #[record(name = "promo_id")]
    id: i64,
    #[record(name = "promo_code")]
    code: String,
}

#[derive(Debug, Clone, PartialEq, Record)]
struct Run {
    #[record(name = "run_id", key)]
    id: i64,
    #[record(key)]
    number: Number,
    state: State,
    earlier: Vec<State>,
    next: Option<State>,
    language: Language,
    zone: TimeZone,
    title: Text<1, 20>,
    tags: Tags,
    #[record(flatten)]
    price: Money,
    #[record(flatten)]
    lessons: Window,
    #[record(flatten, prefix = "enrolment_")]
    enrolment: Window,
    #[record(flatten)]
    seat: Seat,
    #[record(flatten)]
    promo: Option<Promo>,
    #[record(default_is_null)]
    version: i32,
    #[record(name = "access_seconds", with = record::Seconds)]
    access: Option<Duration>,
    #[record(skip)]
    lines: Vec<String>,
}

#[derive(Debug, PartialEq, Record)]
struct Both {
    #[record(flatten)]
    run: Run,
    #[record(flatten, prefix = "its_")]
    again: Run,
}

const START: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

fn run() -> Run {
    Run {
        id: 7,
        number: Number("LY-7".to_owned()),
        state: State::Open,
        earlier: vec![State::Draft, State::Open],
        next: None,
        language: Language::Russian,
        zone: TimeZone::parse("Europe/Moscow").unwrap(),
        title: Text::parse("Крой").unwrap(),
        tags: Tags(vec!["мода".to_owned()]),
        price: Money::new(149_000, Currency::RUB),
        lessons: Window { starts_at: Some(START), ends_at: None },
        enrolment: Window { starts_at: None, ends_at: Some(START) },
        seat: Seat::Taken { since: START },
        promo: Some(Promo { id: 3, code: "SPRING".to_owned() }),
        version: 0,
        access: Some(Duration::days(30)),
        lines: vec![],
    }
}

async fn table(conn: &mut PgConnection) {
    sqlx::query(
        "create temporary table runs (
             run_id bigint primary key, number text not null, state text not null, earlier text[] not null, next text,
             language text not null, zone text not null, title text not null, tags text[] not null,
             amount_minor bigint not null, currency text not null, starts_at timestamptz, ends_at timestamptz,
             enrolment_starts_at timestamptz, enrolment_ends_at timestamptz, seat text not null, taken_at timestamptz,
             promo_id bigint, promo_code text, version integer check (version > 0), access_seconds bigint, check_at timestamptz
         )",
    )
    .execute(conn)
    .await
    .unwrap();
}

async fn read(conn: &mut PgConnection) -> Result<Run, sqlx::Error> {
    sqlx::query_as(pg::sql!("select ", Run, " from runs where run_id = $1")).bind(7_i64).fetch_one(conn).await
}

#[tokio::test]
async fn a_record_is_read_as_it_was_written() {
    let db = database().await;
    let mut conn = db.pool.acquire().await.unwrap();
    table(&mut conn).await;
    pg::row(&run()).and("check_at", START).insert(&mut conn, "runs").await.unwrap();
    assert_eq!(read(&mut conn).await.unwrap(), run());
    assert!(!pg::insert_new(&mut conn, "runs", &run()).await.unwrap(), "it is there already");
    assert!(pg::violated(&pg::insert(&mut conn, "runs", &run()).await.unwrap_err(), "runs_pkey"));

    let changed = Run { promo: None, seat: Seat::Free, version: 2, access: None, next: Some(State::Draft), ..run() };
    pg::update(&mut conn, "runs", &changed).await.unwrap();
    assert_eq!(read(&mut conn).await.unwrap(), changed);
    let checked: OffsetDateTime = sqlx::query_scalar("select check_at from runs").fetch_one(&mut *conn).await.unwrap();
    assert_eq!(checked, START, "a column that is not the record's stays as it is");
    let both: Both = sqlx::query_as(
        pg::sql!("select ", Run as a, ", ", Run as b prefixed "its_", " from runs a join runs b using (run_id)"),
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    assert_eq!(both, Both { run: changed.clone(), again: changed });

    let stranger = Run { number: Number("LY-8".to_owned()), ..run() };
    let missing = pg::update(&mut conn, "runs", &stranger).await.unwrap_err();
    assert!(matches!(missing, sqlx::Error::RowNotFound), "the key has two columns: {missing}");
}

#[derive(Debug, Clone, PartialEq, Record)]
#[record(name = "progress")]
enum Reading {
    Unread,
    Paused {
        #[record(name = "paused_at")]
        at: OffsetDateTime,
        page: i32,
    },
    #[record(name = "given_up")]
    GaveUp(#[record(name = "cause")] Number),
    Stuck(#[record(name = "cause")] State),
}

#[derive(Debug, Clone, PartialEq, Record)]
struct Note {
    text: String,
    #[record(flatten)]
    reading: Reading,
    #[record(json)]
    details: BTreeMap<String, i64>,
}

#[tokio::test]
async fn a_key_may_stand_outside_of_the_record_and_what_is_kept_replaces_what_was() {
    let db = database().await;
    let mut conn = db.pool.acquire().await.unwrap();
    sqlx::query(
        "create temporary table notes (
             run_id bigint, number bigint, text text not null, details jsonb not null, kept_at timestamptz,
             progress text not null, paused_at timestamptz, page integer, cause text,
             primary key (run_id, number)
         )",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    let details = BTreeMap::from([("words".to_owned(), 1)]);
    let note = |text: &str| Note { text: text.to_owned(), reading: Reading::Unread, details: details.clone() };
    for (number, text) in [(1_i64, "first"), (2, "second"), (1, "again")] {
        let row = pg::row(&note(text)).key("run_id", 7_i64).key("number", number).and("kept_at", START);
        row.keep(&mut conn, "notes").await.unwrap();
    }
    let select = pg::sql!("select ", Note, " from notes where details ->> 'words' = '1' order by number");
    let kept: Vec<Note> = sqlx::query_as(select).fetch_all(&mut *conn).await.unwrap();
    assert_eq!(kept, [note("again"), note("second")]);
    pg::row(&note("third")).key("run_id", 7_i64).key("number", 2_i64).update(&mut conn, "notes").await.unwrap();
    let kept: Vec<Note> = sqlx::query_as(select).fetch_all(&mut *conn).await.unwrap();
    assert_eq!(kept, [note("again"), note("third")]);
}

#[tokio::test]
async fn an_enum_with_data_is_read_as_it_was_written_and_what_cannot_be_is_refused() {
    let db = database().await;
    let mut conn = db.pool.acquire().await.unwrap();
    sqlx::query(
        "create temporary table readings (
             id bigint primary key, progress text not null, paused_at timestamptz, page integer, cause text
         )",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    let select = pg::sql!("select ", Reading, " from readings");
    assert_eq!(select, "select progress, paused_at, page, cause from readings");
    let given_up = Reading::GaveUp(Number("LY-7".to_owned()));
    let paused = Reading::Paused { at: START, page: 3 };
    for (name, reading) in [
        ("unread", Reading::Unread),
        ("given_up", given_up),
        ("stuck", Reading::Stuck(State::Open)),
        ("paused", paused),
    ] {
        assert_eq!(reading.as_str(), name);
        pg::row(&reading).key("id", 1_i64).keep(&mut conn, "readings").await.unwrap();
        let read: Reading = sqlx::query_as(select).fetch_one(&mut *conn).await.unwrap();
        assert_eq!(read, reading);
    }
    for (damage, told) in [
        ("update readings set progress = 'unread'", "expected nothing in paused_at"),
        ("update readings set progress = 'lost'", "\"lost\" is no Reading"),
        ("update readings set progress = 'paused', page = null", "\"page\""),
    ] {
        sqlx::query(damage).execute(&mut *conn).await.unwrap();
        let error = sqlx::query_as::<_, Reading>(select).fetch_one(&mut *conn).await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_an_error_that_names_it() {
    let db = database().await;
    let mut conn = db.pool.acquire().await.unwrap();
    table(&mut conn).await;
    pg::insert(&mut conn, "runs", &run()).await.unwrap();
    for (damage, told) in [
        ("update runs set state = 'sold'", "\"sold\" is no State"),
        ("update runs set state = 'draft', language = 'de'", "\"de\" is no Language"),
        ("update runs set language = 'ru', currency = 'rub'", "Currency"),
        ("update runs set currency = 'RUB', ends_at = starts_at", "an end later than the start"),
        ("update runs set ends_at = null, seat = 'free'", "a seat that cannot be"),
        ("update runs set seat = 'taken', number = '7'", "Number"),
        ("update runs set number = 'LY-7', title = ''", "at least 1 character"),
    ] {
        sqlx::query(damage).execute(&mut *conn).await.unwrap();
        let error = read(&mut conn).await.unwrap_err();
        assert!(rpc::chain(&error).contains(told), "{damage}: {}", rpc::chain(&error));
    }
}
