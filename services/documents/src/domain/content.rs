//! What a file holds: which content types a kind allows, and whether the first bytes are what the type says.

use std::fmt;

use values::record::Stored;

use super::file::Kind;

/// How many of a file's first bytes are looked at.
pub const LOOKED_AT: usize = 8192;

/// A content type that some kind allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentType(&'static Known);

/// A content type that no kind allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this content type is not allowed for this kind of file")]
pub struct NotAllowed;

#[derive(Debug, PartialEq, Eq)]
struct Known {
    name: &'static str,
    /// Kinds that may hold it.
    kinds: &'static [Kind],
    /// What the first bytes are taken for; empty for a text.
    looks: &'static [&'static str],
}

const MEDIA: &[Kind] = &[Kind::Media, Kind::Homework];
const PICTURE: &[Kind] = &[Kind::Image, Kind::Material, Kind::Homework];
const PAPER: &[Kind] = &[Kind::Image, Kind::Material, Kind::Homework, Kind::Paper];
const PRINTED: &[Kind] = &[Kind::Material, Kind::Homework, Kind::Paper];
const WRITTEN: &[Kind] = &[Kind::Material, Kind::Homework];

const ZIP: &str = "application/zip";
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// Append only: stored files have them. Nothing that a browser would run, such as HTML or SVG.
static KNOWN: [Known; 21] = [
    known("video/mp4", MEDIA, &["video/mp4", "video/x-m4v"]),
    known("video/webm", MEDIA, &["video/webm"]),
    known("video/quicktime", MEDIA, &["video/quicktime"]),
    known("audio/mpeg", MEDIA, &["audio/mpeg"]),
    known("audio/mp4", MEDIA, &["audio/m4a", "video/mp4"]),
    known("audio/ogg", MEDIA, &["audio/ogg", "audio/opus"]),
    known("audio/wav", MEDIA, &["audio/x-wav"]),
    known("image/jpeg", PAPER, &["image/jpeg"]),
    known("image/png", PAPER, &["image/png"]),
    known("image/webp", PICTURE, &["image/webp"]),
    known("image/gif", PICTURE, &["image/gif"]),
    known("image/avif", PICTURE, &["image/avif"]),
    known("application/pdf", PRINTED, &["application/pdf"]),
    known(ZIP, WRITTEN, &[ZIP, DOCX, XLSX, PPTX]),
    known(DOCX, WRITTEN, &[DOCX, ZIP]),
    known(XLSX, WRITTEN, &[XLSX, ZIP]),
    known(PPTX, WRITTEN, &[PPTX, ZIP]),
    known("application/epub+zip", &[Kind::Material], &["application/epub+zip"]),
    known("text/plain", WRITTEN, &[]),
    known("text/csv", WRITTEN, &[]),
    known("text/markdown", WRITTEN, &[]),
];

const fn known(name: &'static str, kinds: &'static [Kind], looks: &'static [&'static str]) -> Known {
    Known { name, kinds, looks }
}

impl ContentType {
    /// The type of this name.
    pub fn parse(name: &str) -> Result<Self, NotAllowed> {
        KNOWN.iter().find(|known| known.name == name).map(Self).ok_or(NotAllowed)
    }

    /// The name.
    pub fn as_str(self) -> &'static str {
        self.0.name
    }

    /// Whether a kind of file may hold it.
    pub fn fits(self, kind: Kind) -> bool {
        self.0.kinds.contains(&kind)
    }

    /// Whether a browser may show it instead of saving it.
    pub fn is_shown(self) -> bool {
        ["video/", "audio/", "image/"].iter().any(|family| self.0.name.starts_with(family))
    }

    /// Whether a file that begins so may be what the type says.
    pub fn agrees(self, beginning: &[u8]) -> bool {
        let looks = infer::get(beginning).map(|looks| looks.mime_type());
        match self.0.looks {
            [] => is_text(beginning),
            expected => looks.is_some_and(|looks| expected.contains(&looks)),
        }
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.name)
    }
}

/// How a content type is stored.
#[derive(Debug)]
pub struct ByName;

impl Stored<ContentType> for ByName {
    type As = String;
    type Error = NotAllowed;

    fn stored(content_type: &ContentType) -> String {
        content_type.as_str().to_owned()
    }

    fn read(name: String) -> Result<ContentType, NotAllowed> {
        ContentType::parse(&name)
    }
}

/// UTF-8 as people write it. The last character may be cut off, because only the beginning is looked at.
fn is_text(beginning: &[u8]) -> bool {
    let text = match std::str::from_utf8(beginning) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && beginning.len() >= LOOKED_AT => {
            std::str::from_utf8(&beginning[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(name: &str) -> ContentType {
        ContentType::parse(name).unwrap()
    }

    #[test]
    fn the_first_bytes_decide() {
        let pdf = b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n";
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF";
        let mp4 = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41";
        let exe = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0";
        assert!(of("application/pdf").agrees(pdf) && of("image/png").agrees(png));
        assert!(of("image/jpeg").agrees(jpeg) && of("video/mp4").agrees(mp4));
        for name in KNOWN.iter().map(|known| known.name) {
            assert!(!of(name).agrees(exe), "{name}");
        }
        assert!(!of("application/pdf").agrees(png) && !of("image/png").agrees(pdf) && !of("text/plain").agrees(png));
        assert!(!of("application/pdf").agrees(b""));
    }

    #[test]
    fn a_text_is_what_people_write() {
        assert!(of("text/plain").agrees("Кройка и шитьё\r\n\tшаг первый".as_bytes()));
        assert!(!of("text/csv").agrees(b"a;b\0c") && !of("text/plain").agrees(b"\xff\xfe\xfd"));
        // Cut in the middle of a character: fine where there is more, not where the file ends so.
        let mut long = "ё".repeat(LOOKED_AT / 2).into_bytes();
        long.insert(0, b' ');
        long.truncate(LOOKED_AT);
        assert!(of("text/plain").agrees(&long));
        assert!(!of("text/plain").agrees(&long[..3]) || long[..3].len() % 2 == 1);
        assert!(!of("text/plain").agrees(&long[..2]));
    }

    #[test]
    fn kinds_hold_what_they_are_for() {
        assert!(of("application/pdf").fits(Kind::Paper) && !of("application/pdf").fits(Kind::Media));
        assert!(of("video/mp4").fits(Kind::Media) && !of("video/mp4").fits(Kind::Paper));
        for name in ["text/html", "image/svg+xml", "application/x-msdownload", "", "VIDEO/MP4", "video/mp4; a=b"] {
            assert!(ContentType::parse(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_take_it_down(bytes in proptest::collection::vec(any::<u8>(), 0..LOOKED_AT)) {
            for known in &KNOWN {
                let _ = ContentType(known).agrees(&bytes);
            }
        }

        #[test]
        fn bytes_are_never_two_unrelated_things(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let both = of("application/pdf").agrees(&bytes) && of("text/plain").agrees(&bytes);
            prop_assert!(!both || bytes.starts_with(b"%PDF"));
        }
    }
}
