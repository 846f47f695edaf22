//! Lines of a CSV file (RFC 4180). Text that a spreadsheet would run as a formula is made harmless.

use csv::{Terminator, Writer, WriterBuilder};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// A file as it grows; whoever writes it takes out what is ready.
#[derive(Debug)]
pub struct Csv(Writer<Vec<u8>>);

impl Csv {
    /// A file with its header.
    pub fn new(header: &[&str]) -> Self {
        let mut csv = Self(writer());
        for name in header {
            csv.cell(name);
        }
        csv.end();
        csv
    }

    /// Text of whatever origin. What a spreadsheet would take for a formula is preceded by an apostrophe.
    pub fn text(&mut self, text: &str) -> &mut Self {
        if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            self.cell(&format!("'{text}"))
        } else {
            self.cell(text)
        }
    }

    /// A number, which may well begin with a minus.
    pub fn number(&mut self, number: i64) -> &mut Self {
        self.cell(&number.to_string())
    }

    pub fn number_if(&mut self, number: Option<i64>) -> &mut Self {
        self.cell(&number.map(|number| number.to_string()).unwrap_or_default())
    }

    pub fn id_if(&mut self, id: Option<Uuid>) -> &mut Self {
        self.cell(&id.map(|id| id.to_string()).unwrap_or_default())
    }

    pub fn id(&mut self, id: Uuid) -> &mut Self {
        self.id_if(Some(id))
    }

    /// An instant in UTC, such as `2026-11-01T09:30:00Z`.
    pub fn instant_if(&mut self, at: Option<OffsetDateTime>) -> &mut Self {
        let at = at.map(|at| at.to_offset(time::UtcOffset::UTC).format(&Rfc3339).unwrap_or_default());
        self.cell(&at.unwrap_or_default())
    }

    /// Ends a line.
    pub fn end(&mut self) {
        // Memory can always be written to.
        self.0.write_record(None::<&[u8]>).unwrap_or_default();
    }

    /// What was written since it was taken last; call it between lines.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::replace(&mut self.0, writer()).into_inner().unwrap_or_default()
    }

    fn cell(&mut self, text: &str) -> &mut Self {
        self.0.write_field(text).unwrap_or_default();
        self
    }
}

fn writer() -> Writer<Vec<u8>> {
    // A file of several pages is written by several writers, so lines are not compared with each other.
    WriterBuilder::new().flexible(true).terminator(Terminator::CRLF).from_writer(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a cell is written that stands after another one.
    fn written(text: &str) -> String {
        let mut csv = Csv(writer());
        csv.number(1).text(text).end();
        let line = String::from_utf8(csv.take()).unwrap();
        line.strip_prefix("1,").and_then(|line| line.strip_suffix("\r\n")).unwrap().to_owned()
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let cells = ["plain", "a,b", "say \"x\"", "two\nlines", "", "шитьё"].map(written);
        assert_eq!(cells, ["plain", "\"a,b\"", "\"say \"\"x\"\"\"", "\"two\nlines\"", "", "шитьё"]);
    }

    #[test]
    fn a_spreadsheet_runs_nothing() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"] {
            assert_eq!(written(bad), format!("'{bad}"));
        }
        assert_eq!(written("\r=1"), "\"'\r=1\"");
        assert_eq!(written("=HYPERLINK(\"x\",1)"), "\"'=HYPERLINK(\"\"x\"\",1)\"");
        assert_eq!(written("a=1"), "a=1");
    }

    #[test]
    fn lines_end_as_the_standard_says() {
        let mut csv = Csv::new(&["id", "minor"]);
        csv.id_if(None).number(-5).end();
        csv.number_if(None).instant_if(Some(OffsetDateTime::UNIX_EPOCH)).end();
        assert_eq!(csv.take(), b"id,minor\r\n,-5\r\n,1970-01-01T00:00:00Z\r\n");
        assert_eq!(csv.take(), b"");
    }
}
