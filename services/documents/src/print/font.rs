//! The letters: three fonts, built in or the school's own, and how wide a line of them is.

use std::{borrow::Cow, path::Path};

use anyhow::Context;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Feature, UnicodeBuffer, ttf_parser::Tag};

use super::template::Face;

static DISPLAY: &[u8] = include_bytes!("../../fonts/Cormorant-Medium.ttf");
static TEXT: &[u8] = include_bytes!("../../fonts/EBGaramond-Regular.ttf");
static ITALIC: &[u8] = include_bytes!("../../fonts/EBGaramond-Italic.ttf");

/// The data of the fonts. They are opened for one page and closed again: nothing of them is kept in memory but the
/// program itself.
pub(super) struct Fonts {
    display: Cow<'static, [u8]>,
    text: Cow<'static, [u8]>,
    italic: Cow<'static, [u8]>,
}

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fonts").finish_non_exhaustive()
    }
}

/// A font that is open.
pub(super) struct Open<'a> {
    pub(super) font: Font,
    face: rustybuzz::Face<'a>,
}

/// A line of letters at the size of one point.
pub(super) struct Shaped {
    pub(super) glyphs: Vec<KrillaGlyph>,
    pub(super) width: f32,
}

/// How letters are set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// Space between letters, in hundredths of the size.
    pub(super) tracking: f32,
    pub(super) lining: bool,
}

impl Fonts {
    /// `display.ttf`, `text.ttf` and `italic.ttf` of a folder, and ours for those that it lacks.
    pub(super) fn read(folder: Option<&Path>) -> anyhow::Result<Self> {
        let read = |name: &str, ours: &'static [u8]| -> anyhow::Result<Cow<'static, [u8]>> {
            let own = folder.map(|folder| folder.join(name)).filter(|path| path.exists());
            let Some(path) = own else { return Ok(Cow::Borrowed(ours)) };
            let data = std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            Ok(Cow::Owned(data))
        };
        let fonts = Self {
            display: read("display.ttf", DISPLAY)?,
            text: read("text.ttf", TEXT)?,
            italic: read("italic.ttf", ITALIC)?,
        };
        for face in [Face::Display, Face::Text, Face::Italic] {
            fonts.open(face)?;
        }
        Ok(fonts)
    }

    pub(super) fn open(&self, face: Face) -> anyhow::Result<Open<'_>> {
        let data = match face {
            Face::Display => &self.display,
            Face::Text => &self.text,
            Face::Italic => &self.italic,
        };
        let shared = match data {
            Cow::Borrowed(data) => krilla::Data::from(*data),
            Cow::Owned(data) => krilla::Data::from(data.clone()),
        };
        let no_font = || format!("the font for {face:?} is no TrueType or OpenType font");
        Ok(Open {
            font: Font::new(shared, 0).with_context(no_font)?,
            face: rustybuzz::Face::from_slice(data, 0).with_context(no_font)?,
        })
    }
}

impl Open<'_> {
    /// Chooses and places the letters of a line.
    #[expect(clippy::cast_precision_loss, reason = "a font's units are small numbers")]
    pub(super) fn shape(&self, text: &str, setting: Setting) -> Shaped {
        let units = self.font.units_per_em();
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(Direction::LeftToRight);
        let on = |tag: &[u8; 4], value: bool| Feature::new(Tag::from_bytes(tag), u32::from(value), ..);
        // Letters that are set apart do not join.
        let features = [on(b"lnum", setting.lining), on(b"liga", setting.tracking == 0.0)];
        let shaped = rustybuzz::shape(&self.face, &features, buffer);
        let starts: Vec<usize> =
            shaped.glyph_infos().iter().map(|info| usize::try_from(info.cluster).unwrap_or_default()).collect();
        let ends = starts.iter().map(|start| starts.iter().copied().find(|next| next > start).unwrap_or(text.len()));
        let apart = setting.tracking / 100.0;
        let placed = shaped.glyph_infos().iter().zip(shaped.glyph_positions()).zip(starts.iter().zip(ends));
        let glyphs: Vec<KrillaGlyph> = placed
            .map(|((info, place), (start, end))| {
                KrillaGlyph::new(
                    GlyphId::new(info.glyph_id),
                    place.x_advance as f32 / units + apart,
                    place.x_offset as f32 / units,
                    place.y_offset as f32 / units,
                    place.y_advance as f32 / units,
                    *start..end,
                    None,
                )
            })
            .collect();
        let width = glyphs.iter().map(|glyph| glyph.x_advance).sum::<f32>();
        // No space follows the last letter.
        Shaped { width: if glyphs.is_empty() { 0.0 } else { width - apart }, glyphs }
    }
}
