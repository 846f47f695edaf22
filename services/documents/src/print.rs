//! The printer: a snapshot becomes a page of PDF. It decides nothing, keeps nothing and knows no clock.
//!
//! The same snapshot gives the same bytes, so that printing again after a kill is harmless.
#![expect(clippy::float_arithmetic, reason = "lengths on paper are no money")]

mod font;
mod ornament;
mod qr;
mod template;
mod typeset;
mod words;

use std::path::Path;

use anyhow::Context;
use krilla::{
    Document, SerializeSettings,
    geom::{PathBuilder, Rect},
    metadata::{DateTime, Metadata},
    num::NormalizedF32,
    page::PageSettings,
    paint::{Fill, FillRule},
    surface::Surface,
};
use time::OffsetDateTime;
use url::Url;
use values::{Language, TimeZone};

use crate::domain::number::Prefix;

use self::{font::Fonts, template::Template, words::Words};

/// Points in a millimetre.
const MM: f32 = 72.0 / 25.4;
/// A4, laid on its side.
const WIDTH: f32 = 297.0 * MM;
const HEIGHT: f32 = 210.0 * MM;

/// What a certificate says, fixed when it was issued.
#[derive(Clone)]
pub struct Snapshot {
    pub number: String,
    pub holder_name: String,
    pub course_title: String,
    pub language: Language,
    pub completed_at: OffsetDateTime,
    pub issued_at: OffsetDateTime,
    /// Where anybody may check it; this is what the QR code holds.
    pub check_url: String,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("number", &self.number).finish_non_exhaustive()
    }
}

/// What the certificates of a school are made with.
#[derive(Debug)]
pub struct Certificates {
    pub printer: Printer,
    /// What their numbers begin with.
    pub prefix: Prefix,
    /// Where the school is found: the check pages are below it.
    pub public_url: Url,
}

impl Certificates {
    /// The address of the page that says whether a certificate holds.
    pub fn check_url(&self, number: &str) -> String {
        format!("{}/certificates/{number}", self.public_url.as_str().trim_end_matches('/'))
    }
}

/// Prints certificates of one school.
#[derive(Debug)]
pub struct Printer {
    school: String,
    /// In whose days the dates are.
    zone: jiff::tz::TimeZone,
    fonts: Fonts,
    russian: Template,
    english: Template,
}

impl Printer {
    /// Takes the templates and fonts that are built in, or those that a school keeps in a folder of its own.
    ///
    /// # Errors
    ///
    /// A template that cannot be read, or a font that is none.
    pub fn new(school: String, zone: &TimeZone, folder: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self {
            school,
            zone: jiff::tz::TimeZone::get(zone.as_str()).context("the time zone of the school is unknown")?,
            fonts: Fonts::read(folder)?,
            russian: Template::read(Language::Russian, folder)?,
            english: Template::read(Language::English, folder)?,
        })
    }

    /// What the school is called.
    pub fn school(&self) -> &str {
        &self.school
    }

    /// Prints a certificate.
    ///
    /// # Errors
    ///
    /// The PDF could not be written; it will not be tomorrow either.
    pub fn print(&self, snapshot: &Snapshot) -> anyhow::Result<Vec<u8>> {
        let template = match snapshot.language {
            Language::Russian => &self.russian,
            Language::English => &self.english,
        };
        let words = Words::of(snapshot, &self.school, &self.zone);
        let settings = SerializeSettings { enable_tagging: false, ..SerializeSettings::default() };
        let mut document = Document::new_with(settings);
        document.set_metadata(metadata(snapshot, &self.school, template));
        let mut page = document.start_page_with(PageSettings::from_wh(WIDTH, HEIGHT).context("A4 is a size")?);
        let mut surface = page.surface();
        self.draw(&mut surface, template, &words, snapshot)?;
        surface.finish();
        page.finish();
        document.finish().map_err(|error| anyhow::anyhow!("the PDF could not be written: {error:?}"))
    }

    fn draw(
        &self,
        surface: &mut Surface<'_>,
        template: &Template,
        words: &Words,
        snapshot: &Snapshot,
    ) -> anyhow::Result<()> {
        let mut paper = PathBuilder::new();
        paper.push_rect(Rect::from_xywh(0.0, 0.0, WIDTH, HEIGHT).context("A4 is a rectangle")?);
        paint(surface, paper, template.colors.paper);
        ornament::rosette(surface, template.colors.pale);
        ornament::frame(surface, &template.colors);
        for rule in &template.rules {
            ornament::rule(surface, rule, template.colors.accent);
        }
        for text in &template.texts {
            let font = self.fonts.open(text.font)?;
            typeset::set(surface, &font, text, &words.fill(&text.say), template.colors.of(text.color));
        }
        qr::draw(surface, &template.qr, &snapshot.check_url, template.colors.ink)
    }
}

/// Fills a path with a colour.
fn paint(surface: &mut Surface<'_>, path: PathBuilder, color: krilla::color::rgb::Color) {
    let Some(path) = path.finish() else { return };
    surface.set_stroke(None);
    surface.set_fill(Some(Fill { paint: color.into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }));
    surface.draw_path(&path);
}

fn metadata(snapshot: &Snapshot, school: &str, template: &Template) -> Metadata {
    let at = snapshot.issued_at.to_offset(time::UtcOffset::UTC);
    let created = DateTime::new(u16::try_from(at.year()).unwrap_or_default())
        .month(at.month().into())
        .day(at.day())
        .hour(at.hour())
        .minute(at.minute())
        .second(at.second())
        .utc_offset_hour(0);
    Metadata::new()
        .title(format!("{} {}", template.title, snapshot.number))
        .authors(vec![school.to_owned()])
        .language(snapshot.language.as_str().to_owned())
        .creation_date(created)
        .document_id(snapshot.number.clone())
}

#[cfg(test)]
mod tests;
