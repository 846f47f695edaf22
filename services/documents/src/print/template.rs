//! How a certificate looks: a file of named texts, places and colours that a school may replace.

use std::path::Path;

use anyhow::{Context, ensure};
use krilla::color::rgb::Color;
use serde::{Deserialize, Deserializer, de::Error};
use values::Language;

use super::words::PLACEHOLDERS;

/// The longest that a text of a template may be, and how many there may be.
const LONGEST: usize = 1_000;
const MOST: usize = 100;

/// A template, read and checked. Lengths are millimetres from the top left corner, sizes of letters are points.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    /// What the PDF calls itself.
    pub(super) title: String,
    pub(super) colors: Colors,
    pub(super) qr: Square,
    #[serde(default, rename = "rule")]
    pub(super) rules: Vec<Rule>,
    #[serde(rename = "text")]
    pub(super) texts: Vec<Text>,
}

/// The colours, such as `#1f3a34`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Colors {
    #[serde(deserialize_with = "color")]
    pub(super) paper: Color,
    #[serde(deserialize_with = "color")]
    pub(super) ink: Color,
    #[serde(deserialize_with = "color")]
    pub(super) quiet: Color,
    #[serde(deserialize_with = "color")]
    pub(super) accent: Color,
    #[serde(deserialize_with = "color")]
    pub(super) pale: Color,
}

/// Which of the colours.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Hue {
    #[default]
    Ink,
    Quiet,
    Accent,
}

impl Colors {
    pub(super) fn of(&self, hue: Hue) -> Color {
        match hue {
            Hue::Ink => self.ink,
            Hue::Quiet => self.quiet,
            Hue::Accent => self.accent,
        }
    }
}

/// Where the QR code stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Square {
    /// Its top left corner.
    pub(super) at: [f32; 2],
    pub(super) size: f32,
}

/// A fine line that grows out of a diamond in its middle.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// Its middle.
    pub(super) at: [f32; 2],
    pub(super) width: f32,
    /// Whether it has the diamond.
    #[serde(default)]
    pub(super) diamond: bool,
}

/// Which of the three fonts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Face {
    Display,
    Text,
    Italic,
}

/// On which side of its place a text stands.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Align {
    #[default]
    Center,
    Left,
    Right,
}

/// A text and its place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    /// What it says, with placeholders such as `{holder}`.
    pub(super) say: String,
    pub(super) font: Face,
    /// The size that it has where there is room.
    pub(super) size: f32,
    /// Where it stands: on the base line of one line, and around it if there are more.
    pub(super) at: [f32; 2],
    pub(super) width: f32,
    /// How many lines it may take.
    #[serde(default = "one")]
    pub(super) lines: usize,
    /// How high they may be together.
    #[serde(default = "page")]
    pub(super) height: f32,
    #[serde(default)]
    pub(super) align: Align,
    #[serde(default)]
    pub(super) color: Hue,
    /// Space between letters, in hundredths of the size.
    #[serde(default)]
    pub(super) tracking: f32,
    #[serde(default)]
    pub(super) capitals: bool,
    /// Whether figures are as tall as capital letters.
    #[serde(default)]
    pub(super) lining: bool,
}

fn one() -> usize {
    1
}

fn page() -> f32 {
    210.0
}

impl Template {
    /// Reads the template of a language: the school's own if its folder has one, ours otherwise.
    pub(super) fn read(language: Language, folder: Option<&Path>) -> anyhow::Result<Self> {
        let name = format!("certificate.{language}.toml");
        let own = folder.map(|folder| folder.join(&name)).filter(|path| path.exists());
        let text = match (own, language) {
            (Some(path), _) => {
                std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?
            }
            (None, Language::Russian) => include_str!("../../templates/certificate.ru.toml").to_owned(),
            (None, Language::English) => include_str!("../../templates/certificate.en.toml").to_owned(),
        };
        Self::parse(&text).with_context(|| format!("the template {name} makes no sense"))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let template: Self = toml::from_str(text)?;
        ensure!(
            template.texts.len() <= MOST && template.rules.len() <= MOST,
            "a template has at most {MOST} of a kind"
        );
        for text in &template.texts {
            let say = &text.say;
            ensure!(say.len() <= LONGEST, "a text has at most {LONGEST} bytes");
            ensure!((1..=20).contains(&text.lines), "{say:?}: expected 1 to 20 lines");
            ensure!((4.0..=200.0).contains(&text.size), "{say:?}: expected a size of 4 to 200 points");
            ensure!((1.0..=297.0).contains(&text.width), "{say:?}: expected a width of 1 to 297 millimetres");
            ensure!((3.0..=210.0).contains(&text.height), "{say:?}: expected a height of 3 to 210 millimetres");
            ensure!(on_page(text.at), "{say:?} stands beside the page");
            ensure!((-10.0..=100.0).contains(&text.tracking), "{say:?}: expected a tracking of -10 to 100");
            let rest = PLACEHOLDERS.iter().fold(say.clone(), |rest, known| rest.replace(known, ""));
            ensure!(!rest.contains(['{', '}']), "{say:?}: expected only the placeholders {}", PLACEHOLDERS.join(", "));
        }
        ensure!(template.rules.iter().all(|rule| on_page(rule.at) && rule.width >= 0.0), "a rule is beside the page");
        ensure!(on_page(template.qr.at) && (15.0..=100.0).contains(&template.qr.size), "the QR code has no place");
        Ok(template)
    }
}

fn on_page([x, y]: [f32; 2]) -> bool {
    (0.0..=297.0).contains(&x) && (0.0..=210.0).contains(&y)
}

fn color<'de, D: Deserializer<'de>>(from: D) -> Result<Color, D::Error> {
    let text = String::deserialize(from)?;
    let digits = text.strip_prefix('#').and_then(|digits| hex::decode(digits).ok());
    match digits.as_deref() {
        Some([red, green, blue]) => Ok(Color::new(*red, *green, *blue)),
        _ => Err(D::Error::custom(format!("{text:?}: expected a colour such as #1f3a34"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = include_str!("../../templates/certificate.en.toml");

    #[test]
    fn our_templates_make_sense() {
        for language in [Language::Russian, Language::English] {
            Template::read(language, None).unwrap();
        }
    }

    #[test]
    fn a_template_that_makes_no_sense_is_refused_with_the_reason() {
        for (ours, theirs, reason) in [
            ("{holder}", "{name}", "placeholders"),
            ("\"#", "\"", "colour"),
            ("lines =", "line =", "unknown field"),
            ("size = ", "size = 9", "size"),
        ] {
            let refused = Template::parse(&OURS.replace(ours, theirs)).unwrap_err();
            assert!(format!("{refused:#}").contains(reason), "{refused:#}");
        }
    }

    #[test]
    fn a_school_replaces_one_template_and_keeps_the_other() {
        let folder = std::env::temp_dir().join(format!("templates-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("certificate.en.toml"), OURS.replace("Certificate", "Diploma")).unwrap();
        let (own, ours) =
            (Template::read(Language::English, Some(&folder)), Template::read(Language::Russian, Some(&folder)));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!((own.unwrap().title.as_str(), ours.unwrap().title.as_str()), ("Diploma", "Сертификат"));
    }
}
