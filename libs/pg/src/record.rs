//! Writing records: the columns are the record's own, and the table's name stands in the code.

use sqlx::{AssertSqlSafe, PgConnection, Postgres, postgres::PgArguments, query::Query};
use values::{
    Record,
    record::{Arguments, Column},
};

/// Writes a new row of a table.
///
/// `pg::insert(conn, "courses", &course).await?`
///
/// # Errors
///
/// The database's.
pub async fn insert<R: Record>(conn: &mut PgConnection, table: &'static str, record: &R) -> Result<(), sqlx::Error> {
    row(record).insert(conn, table).await
}

/// Writes a new row unless there is one that it would collide with, and says whether it was written.
///
/// # Errors
///
/// The database's.
pub async fn insert_new<R: Record>(
    conn: &mut PgConnection,
    table: &'static str,
    record: &R,
) -> Result<bool, sqlx::Error> {
    row(record).insert_new(conn, table).await
}

/// Writes all columns of the row that has the record's key: the first column, or those marked `#[record(key)]`.
///
/// # Errors
///
/// The database's; [`sqlx::Error::RowNotFound`] where there is no such row.
pub async fn update<R: Record>(conn: &mut PgConnection, table: &'static str, record: &R) -> Result<(), sqlx::Error> {
    row(record).update(conn, table).await
}

/// A record with further columns that its table has, and that its struct has not.
///
/// `pg::row(&order).and("check_at", check_at).insert(conn, "orders").await?`
pub fn row<R: Record>(record: &R) -> Row {
    let mut arguments = Arguments::default();
    R::bind(Some(record), &mut arguments);
    Row { columns: Column::marked(R::COLUMNS), arguments }
}

/// What is written into one row; see [`row`].
#[must_use = "nothing is written before `insert`, `update` or `keep`"]
pub struct Row {
    columns: Vec<(String, bool)>,
    arguments: Arguments,
}

impl Row {
    /// Adds a column.
    pub fn and<'q, T>(self, column: &'static str, value: T) -> Self
    where
        T: sqlx::Encode<'q, Postgres> + sqlx::Type<Postgres>,
    {
        self.with(column, false, value)
    }

    /// Adds a column of the key. The record's first column is no key then; those that it marks still are.
    pub fn key<'q, T>(self, column: &'static str, value: T) -> Self
    where
        T: sqlx::Encode<'q, Postgres> + sqlx::Type<Postgres>,
    {
        self.with(column, true, value)
    }

    fn with<'q, T>(mut self, column: &'static str, key: bool, value: T) -> Self
    where
        T: sqlx::Encode<'q, Postgres> + sqlx::Type<Postgres>,
    {
        self.columns.push((column.to_owned(), key));
        self.arguments.add(value);
        self
    }

    /// Writes a new row.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn insert(self, conn: &mut PgConnection, table: &'static str) -> Result<(), sqlx::Error> {
        let statement = self.insertion(table);
        self.query(statement)?.execute(conn).await?;
        Ok(())
    }

    /// Writes a new row unless there is one that it would collide with, and says whether it was written.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn insert_new(self, conn: &mut PgConnection, table: &'static str) -> Result<bool, sqlx::Error> {
        let statement = self.insertion(table) + " on conflict do nothing";
        Ok(self.query(statement)?.execute(conn).await?.rows_affected() > 0)
    }

    /// Writes all columns of the row that has the record's key.
    ///
    /// # Errors
    ///
    /// The database's; [`sqlx::Error::RowNotFound`] where there is no such row.
    pub async fn update(mut self, conn: &mut PgConnection, table: &'static str) -> Result<(), sqlx::Error> {
        Column::first_is_key(&mut self.columns);
        let (mut set, mut key) = (Vec::new(), Vec::new());
        for (at, (column, is_key)) in self.columns.iter().enumerate() {
            let list = if *is_key { &mut key } else { &mut set };
            list.push(format!("{column} = ${}", at + 1));
        }
        let statement = format!("update {table} set {} where {}", set.join(", "), key.join(" and "));
        match self.query(statement)?.execute(conn).await?.rows_affected() {
            0 => Err(sqlx::Error::RowNotFound),
            _ => Ok(()),
        }
    }

    /// Writes a new row, or all columns of the one that has the record's key already.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn keep(mut self, conn: &mut PgConnection, table: &'static str) -> Result<(), sqlx::Error> {
        Column::first_is_key(&mut self.columns);
        let named = |of_key: bool| self.columns.iter().filter(move |(_, key)| *key == of_key).map(|(name, _)| name);
        let key: Vec<&str> = named(true).map(String::as_str).collect();
        let set: Vec<String> = named(false).map(|name| format!("{name} = excluded.{name}")).collect();
        let statement =
            format!("{} on conflict ({}) do update set {}", self.insertion(table), key.join(", "), set.join(", "));
        self.query(statement)?.execute(conn).await?;
        Ok(())
    }

    fn insertion(&self, table: &'static str) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|(column, _)| column.as_str()).collect();
        let places: Vec<String> = (1..=columns.len()).map(|at| format!("${at}")).collect();
        format!("insert into {table} ({}) values ({})", columns.join(", "), places.join(", "))
    }

    /// The names of tables and columns are `'static`: they stand in the code and never come from outside.
    fn query(self, statement: String) -> Result<Query<'static, Postgres, PgArguments>, sqlx::Error> {
        Ok(sqlx::query_with(AssertSqlSafe(statement), self.arguments.finish()?))
    }
}

/// Makes a statement around the columns of records, at compile time.
///
/// ```ignore
/// pg::sql!("select ", Course, " from courses where course_id = $1")
/// pg::sql!("select ", Enrolment as e, ", ", Run as r prefixed "run_", " from enrolments e join runs r using (run_id)")
/// ```
///
/// The second one reads `r.state as run_state`, which a record with `#[record(flatten, prefix = "run_")] run: Run`
/// understands. `const NAME` puts in a statement, or a piece of one, that is a constant already.
#[macro_export]
macro_rules! sql {
    (@parts [$($done:expr,)*]) => {{
        const PARTS: &[$crate::private::Part] = &[$($done,)*];
        const LENGTH: usize = $crate::private::length(PARTS);
        const BYTES: [u8; LENGTH] = $crate::private::write(PARTS);
        const STATEMENT: &str = $crate::private::text(&BYTES);
        STATEMENT
    }};
    (@parts [$($done:expr,)*] $text:literal $(, $($rest:tt)*)?) => {
        $crate::sql!(@parts [$($done,)* $crate::private::Part::Text($text),] $($($rest)*)?)
    };
    (@parts [$($done:expr,)*] const $text:path $(, $($rest:tt)*)?) => {
        $crate::sql!(@parts [$($done,)* $crate::private::Part::Text($text),] $($($rest)*)?)
    };
    (@parts [$($done:expr,)*] $record:ty as $alias:ident prefixed $prefix:literal $(, $($rest:tt)*)?) => {
        $crate::sql!(@parts [$($done,)* $crate::private::Part::Columns {
            columns: <$record as $crate::private::Record>::COLUMNS,
            alias: stringify!($alias),
            prefix: $prefix,
        },] $($($rest)*)?)
    };
    (@parts [$($done:expr,)*] $record:ty as $alias:ident $(, $($rest:tt)*)?) => {
        $crate::sql!(@parts [$($done,)* $crate::private::Part::Columns {
            columns: <$record as $crate::private::Record>::COLUMNS,
            alias: stringify!($alias),
            prefix: "",
        },] $($($rest)*)?)
    };
    (@parts [$($done:expr,)*] $record:ty $(, $($rest:tt)*)?) => {
        $crate::sql!(@parts [$($done,)* $crate::private::Part::Columns {
            columns: <$record as $crate::private::Record>::COLUMNS,
            alias: "",
            prefix: "",
        },] $($($rest)*)?)
    };
    ($($part:tt)+) => {
        $crate::sql!(@parts [] $($part)+)
    };
}

#[cfg(test)]
mod tests {
    use values::Record;

    #[derive(Debug, PartialEq, Record)]
    struct Window {
        starts_at: Option<i64>,
    }

    #[derive(Debug, PartialEq, Record)]
    struct Run {
        #[record(name = "run_id")]
        id: i64,
        #[record(flatten, prefix = "enrolment_")]
        enrolment: Window,
    }

    #[test]
    fn a_statement_names_the_columns_of_its_records() {
        const FROM: &str = " from runs r";
        assert_eq!(crate::sql!("select ", Run, " from runs"), "select run_id, enrolment_starts_at from runs");
        assert_eq!(crate::sql!("select ", Run as r, const FROM), "select r.run_id, r.enrolment_starts_at from runs r");
        let prefixed =
            crate::sql!("select ", Run as r prefixed "its_", ", ", Window as w, const FROM, " join w using (x)");
        let expected = "select r.run_id as its_run_id, r.enrolment_starts_at as its_enrolment_starts_at, w.starts_at \
                        from runs r join w using (x)";
        assert_eq!(prefixed, expected);
    }
}
