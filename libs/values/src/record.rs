//! Rows of tables as structs: which columns a struct has, how it is read from a row and bound to a statement.

pub mod statement;
mod stored;

use sqlx::{
    Arguments as _, Database, Decode, Encode, Postgres, Row as _, Type, ValueRef as _,
    error::BoxDynError,
    postgres::{PgArguments, PgRow},
};

pub use sqlx::Error;
pub use stored::{Microseconds, Seconds, Stored};

/// A struct that is a row of a table, or some columns of one. Derive it; [`pg`](../../pg/README.md) writes it and makes
/// statements with it.
///
/// ```ignore
/// #[derive(values::Record)]
/// pub struct Course {
///     #[record(name = "course_id")]
///     pub id: CourseId,
///     #[record(flatten)]
///     pub page: CoursePage,                     // another Record; `prefix = "page_"` begins the names of its columns
///     #[record(default_is_null)]
///     pub version: i32,                         // 0 is kept as NULL
///     #[record(name = "access_seconds", with = values::record::Seconds)]
///     pub access: Option<Duration>,             // kept as another type
///     #[record(json)]
///     pub details: BTreeMap<String, String>,    // kept as jsonb, by serde's names
///     #[record(skip)]
///     pub lessons: Vec<Lesson>,                 // no column; empty when read
/// }
/// ```
///
/// The key is the first column, or those marked `#[record(key)]`. `#[record(constructor = new)]` above the struct reads
/// through `Self::new`, which takes the fields in their order and may refuse.
///
/// An enum whose variants carry data is a column with the variant's name, and one for each thing that is carried:
///
/// ```ignore
/// #[derive(values::Record)]                     // `#[record(name = "…")]` where the column is not `state`
/// pub enum State {
///     Active,                                   // active; a variant too may have a `name`
///     Paused { #[record(name = "paused_since")] since: OffsetDateTime },
///     Failed(#[record(name = "failure")] Failure),
/// }
/// ```
///
/// It has `as_str()` and refuses to be read where a column of another variant is filled. What has still another shape in
/// its table implements the trait by hand.
pub trait Record: Sized {
    /// The columns, in the order in which [`bind`](Self::bind) adds their values.
    const COLUMNS: &'static [Column];

    /// Reads the columns by their names.
    ///
    /// # Errors
    ///
    /// A column is missing, has another type, or holds what the value refuses.
    fn read(row: &Row<'_>) -> Result<Self, Error>;

    /// Adds one value for each column: NULLs where there is no record.
    fn bind(record: Option<&Self>, to: &mut Arguments);
}

/// A column of a record, or those of a record inside it.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    /// One column.
    Own {
        /// Its name.
        name: &'static str,
        /// Whether it is part of the key.
        key: bool,
    },
    /// The columns of a record inside the record.
    Nested {
        /// What their names begin with.
        prefix: &'static str,
        /// Whether they are part of the key.
        key: bool,
        /// The columns.
        columns: &'static [Self],
    },
}

impl Column {
    /// A column that is not marked as part of the key.
    pub const fn of(name: &'static str) -> Self {
        Self::Own { name, key: false }
    }

    /// The names of all columns, and whether each is part of the key. Where none is marked, the first one is the key.
    pub fn names(columns: &[Self]) -> Vec<(String, bool)> {
        let mut names = Self::marked(columns);
        Self::first_is_key(&mut names);
        names
    }

    /// The names of all columns, and whether each was marked as part of the key.
    pub fn marked(columns: &[Self]) -> Vec<(String, bool)> {
        let mut names = Vec::new();
        collect(columns, "", false, &mut names);
        names
    }

    /// Makes the first column the key where none is marked.
    pub fn first_is_key(names: &mut [(String, bool)]) {
        if names.iter().all(|(_, key)| !key)
            && let Some((_, key)) = names.first_mut()
        {
            *key = true;
        }
    }
}

fn collect(columns: &[Column], outer: &str, key_outside: bool, names: &mut Vec<(String, bool)>) {
    for column in columns {
        match *column {
            Column::Own { name, key } => names.push((format!("{outer}{name}"), key || key_outside)),
            Column::Nested { prefix, key, columns } => {
                collect(columns, &format!("{outer}{prefix}"), key || key_outside, names);
            }
        }
    }
}

/// A row that is read by the names of its columns.
#[derive(Debug)]
pub struct Row<'r> {
    row: &'r PgRow,
    prefix: String,
}

impl<'r> Row<'r> {
    /// The whole row.
    pub fn of(row: &'r PgRow) -> Self {
        Self { row, prefix: String::new() }
    }

    /// The columns whose names begin so, named without that beginning.
    #[must_use]
    pub fn under(&self, prefix: &str) -> Self {
        Self { row: self.row, prefix: format!("{}{prefix}", self.prefix) }
    }

    /// The value of a column.
    ///
    /// # Errors
    ///
    /// The column is missing, has another type, or holds what the value refuses; the error names the column.
    pub fn get<T: Decode<'r, Postgres> + Type<Postgres>>(&self, name: &str) -> Result<T, Error> {
        if self.prefix.is_empty() {
            self.row.try_get(name)
        } else {
            self.row.try_get(&*format!("{}{name}", self.prefix))
        }
    }

    /// Refuses a value where there has to be none.
    ///
    /// # Errors
    ///
    /// The column is missing or not NULL.
    pub fn empty(&self, name: &str) -> Result<(), Error> {
        if self.is_null(name)? { Ok(()) } else { Err(refused(format!("expected nothing in {}{name}", self.prefix))) }
    }

    fn is_null(&self, name: &str) -> Result<bool, Error> {
        Ok(self.row.try_get_raw(&*format!("{}{name}", self.prefix))?.is_null())
    }
}

/// Values for a statement, in the order of its parameters.
#[derive(Default)]
pub struct Arguments {
    values: PgArguments,
    error: Option<BoxDynError>,
}

impl Arguments {
    /// Adds a value. One that cannot be written fails the statement.
    pub fn add<'q, T: Encode<'q, Postgres> + Type<Postgres>>(&mut self, value: T) {
        if let Err(error) = self.values.add(value) {
            self.error.get_or_insert(error);
        }
    }

    /// The values, for `sqlx::query_with`.
    ///
    /// # Errors
    ///
    /// One of them could not be written.
    pub fn finish(self) -> Result<<Postgres as Database>::Arguments, Error> {
        match self.error {
            None => Ok(self.values),
            Some(error) => Err(Error::Encode(error)),
        }
    }
}

/// What was stored and is refused when it is read: the database's mistake, as sqlx sees it.
pub fn refused(error: impl Into<BoxDynError>) -> Error {
    Error::Decode(error.into())
}

/// None where the first column is NULL, as in the rows of a left join.
impl<R: Record> Record for Option<R> {
    const COLUMNS: &'static [Column] = R::COLUMNS;

    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let (first, prefix) = first(R::COLUMNS);
        if row.is_null(&format!("{prefix}{first}"))? { Ok(None) } else { R::read(row).map(Some) }
    }

    fn bind(record: Option<&Self>, to: &mut Arguments) {
        R::bind(record.and_then(Self::as_ref), to);
    }
}

/// The name of the first column, and what stands before it.
fn first(columns: &'static [Column]) -> (&'static str, String) {
    match columns.first() {
        Some(Column::Own { name, .. }) => (name, String::new()),
        Some(Column::Nested { prefix, columns, .. }) => {
            let (name, inner) = first(columns);
            (name, format!("{prefix}{inner}"))
        }
        None => ("", String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Named, Record, Text};
    use statement::{Part, text};

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Named)]
    enum State {
        Draft,
        Open,
    }

    #[derive(Debug, Clone, PartialEq, Record)]
    #[record(constructor = new)]
    struct Window {
        starts_at: Option<i64>,
        ends_at: Option<i64>,
    }

    impl Window {
        fn new(starts_at: Option<i64>, ends_at: Option<i64>) -> Result<Self, String> {
            if starts_at > ends_at { Err("backwards".to_owned()) } else { Ok(Self { starts_at, ends_at }) }
        }
    }

    #[derive(Debug, Clone, PartialEq, Record)]
    struct Plan {
        title: Text<1, 200>,
        tags: Vec<String>,
        #[record(flatten)]
        lessons: Window,
        #[record(flatten, prefix = "enrolment_")]
        enrolment: Option<Window>,
    }

    #[derive(Debug, Clone, PartialEq, Record)]
    struct Run {
        #[record(name = "run_id")]
        id: i64,
        state: State,
        #[record(flatten)]
        plan: Plan,
        #[record(default_is_null)]
        version: i32,
        #[record(name = "access_seconds", with = Seconds)]
        access: Option<time::Duration>,
        #[record(skip)]
        lessons: Vec<i64>,
    }

    const PARTS: &[Part] = &[
        Part::Text("select "),
        Part::Columns { columns: Run::COLUMNS, alias: "r", prefix: "run_" },
        Part::Text(" from runs r"),
    ];
    const LENGTH: usize = statement::length(PARTS);
    const BYTES: [u8; LENGTH] = statement::write(PARTS);

    #[test]
    fn a_statement_is_made_at_compile_time() {
        const STATEMENT: &str = text(&BYTES);
        assert_eq!(
            STATEMENT,
            "select r.run_id as run_run_id, r.state as run_state, r.title as run_title, r.tags as run_tags, \
             r.starts_at as run_starts_at, r.ends_at as run_ends_at, \
             r.enrolment_starts_at as run_enrolment_starts_at, r.enrolment_ends_at as run_enrolment_ends_at, \
             r.version as run_version, r.access_seconds as run_access_seconds from runs r"
        );
    }

    #[test]
    fn every_column_has_a_value_and_the_first_is_the_key() {
        let names = Column::names(Run::COLUMNS);
        let keys: Vec<_> = names.iter().filter(|(_, key)| *key).map(|(name, _)| name.as_str()).collect();
        assert_eq!(keys, ["run_id"]);
        assert_eq!(names[6].0, "enrolment_starts_at");
        let window = Window::new(None, Some(1)).unwrap();
        let plan = Plan { title: Text::parse("Spring").unwrap(), tags: vec![], lessons: window, enrolment: None };
        let run = Run { id: 1, state: State::Open, plan, version: 0, access: None, lessons: vec![] };
        for record in [Some(&run), None] {
            let mut arguments = Arguments::default();
            Run::bind(record, &mut arguments);
            assert_eq!(sqlx::Arguments::len(&arguments.finish().unwrap()), names.len());
        }
        assert_eq!(State::ALL.len(), 2);
    }
}
