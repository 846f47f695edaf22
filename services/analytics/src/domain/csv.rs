//! Lines of a CSV file (RFC 4180): cells are quoted where they must be, and text that a spreadsheet would run is made harmless.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// A file as it grows; whoever writes it takes out what is ready.
#[derive(Debug, Default)]
pub struct Csv {
    bytes: Vec<u8>,
    /// Whether the line that is being written has a cell.
    begun: bool,
}

impl Csv {
    /// A file with its header.
    pub fn new(header: &[&str]) -> Self {
        let mut csv = Self::default();
        for name in header {
            csv.text(name);
        }
        csv.end();
        csv
    }

    /// Text of whatever origin. What a spreadsheet would take for a formula is preceded by an apostrophe.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.separate();
        let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let quoted = text.contains([',', '"', '\r', '\n']);
        if quoted {
            self.bytes.push(b'"');
        }
        if formula {
            self.bytes.push(b'\'');
        }
        for byte in text.bytes() {
            if byte == b'"' {
                self.bytes.push(byte);
            }
            self.bytes.push(byte);
        }
        if quoted {
            self.bytes.push(b'"');
        }
        self
    }

    /// A number, which may well begin with a minus.
    pub fn number(&mut self, number: i64) -> &mut Self {
        self.plain(&number.to_string())
    }

    pub fn number_if(&mut self, number: Option<i64>) -> &mut Self {
        self.plain(&number.map(|number| number.to_string()).unwrap_or_default())
    }

    pub fn id_if(&mut self, id: Option<Uuid>) -> &mut Self {
        self.plain(&id.map(|id| id.to_string()).unwrap_or_default())
    }

    pub fn id(&mut self, id: Uuid) -> &mut Self {
        self.id_if(Some(id))
    }

    /// An instant in UTC, such as `2026-11-01T09:30:00Z`.
    pub fn instant_if(&mut self, at: Option<OffsetDateTime>) -> &mut Self {
        let at = at.map(|at| at.to_offset(time::UtcOffset::UTC).format(&Rfc3339).unwrap_or_default());
        self.plain(&at.unwrap_or_default())
    }

    /// Ends a line.
    pub fn end(&mut self) {
        self.bytes.extend_from_slice(b"\r\n");
        self.begun = false;
    }

    /// What was written since it was taken last.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    fn plain(&mut self, text: &str) -> &mut Self {
        self.separate();
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    fn separate(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            self.bytes.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut csv = Csv::default();
        csv.text(text);
        String::from_utf8(csv.take()).unwrap()
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
