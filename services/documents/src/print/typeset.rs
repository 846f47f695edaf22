//! Setting a text into its place: it shrinks a little, then takes more lines, then shrinks until it fits. It never runs
//! over.

use krilla::{
    color::rgb::Color,
    geom::Point,
    num::NormalizedF32,
    paint::{Fill, FillRule},
    surface::Surface,
};

use super::{
    MM,
    font::{Open, Setting},
    template::{Align, Text},
};

/// From one base line to the next, in sizes.
const LEADING: f32 = 1.16;
/// How far a text shrinks before it takes another line.
const SHRINKS: f32 = 0.72;
/// By how much it shrinks at a time.
const STEP: f32 = 0.97;
/// The smallest letters there are; what does not fit in them ends in an ellipsis.
const SMALLEST: f32 = 4.0;

/// A text that fits: its lines and the size of its letters.
#[derive(Debug, PartialEq)]
pub(super) struct Fitted {
    pub(super) size: f32,
    pub(super) lines: Vec<String>,
}

/// Sets a text.
#[expect(clippy::cast_precision_loss, reason = "lines are few")]
pub(super) fn set(surface: &mut Surface<'_>, font: &Open<'_>, text: &Text, say: &str, color: Color) {
    let say = if text.capitals { say.to_uppercase() } else { say.to_owned() };
    let setting = Setting { tracking: text.tracking, lining: text.lining };
    let measure = |line: &str| font.shape(line, setting).width;
    let room = Room { width: text.width * MM, height: text.height * MM, lines: text.lines };
    let fitted = fit(&say, text.size, room, &measure);
    surface.set_stroke(None);
    surface.set_fill(Some(Fill { paint: color.into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }));
    let first = text.at[1] * MM - (fitted.lines.len().saturating_sub(1)) as f32 * fitted.size * LEADING / 2.0;
    for (index, line) in fitted.lines.iter().enumerate() {
        let shaped = font.shape(line, setting);
        let width = shaped.width * fitted.size;
        let left = match text.align {
            Align::Left => text.at[0] * MM,
            Align::Center => text.at[0] * MM - width / 2.0,
            Align::Right => text.at[0] * MM - width,
        };
        let start = Point::from_xy(left, first + index as f32 * fitted.size * LEADING);
        surface.draw_glyphs(start, &shaped.glyphs, font.font.clone(), line, fitted.size, false);
    }
}

/// How much room a text has, in points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) lines: usize,
}

/// Finds the largest letters in which a text fits into its room; `measure` says how wide a line is at one point.
#[expect(clippy::cast_precision_loss, reason = "lines are few")]
pub(super) fn fit(text: &str, size: f32, room: Room, measure: &impl Fn(&str) -> f32) -> Fitted {
    let Room { width, height, lines } = room;
    for allowed in 1..=lines {
        let floor = if allowed == lines { SMALLEST } else { (size * SHRINKS).max(SMALLEST) };
        let mut tried = size;
        while tried >= floor {
            let fits = |lines: &Vec<String>| lines.len() <= allowed && lines.len() as f32 * tried * LEADING <= height;
            if let Some(wrapped) = wrap(text, width / tried, measure).filter(fits) {
                return Fitted { size: tried, lines: balanced(text, wrapped, width / tried, measure) };
            }
            tried *= STEP;
        }
    }
    cut(text, SMALLEST.min(size), width, lines, measure)
}

/// Breaks a text at its spaces; none where one word alone is too wide.
fn wrap(text: &str, width: f32, measure: &impl Fn(&str) -> f32) -> Option<Vec<String>> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if measure(&longer) <= width {
            line = longer;
            continue;
        }
        if measure(word) > width {
            return None;
        }
        lines.push(std::mem::replace(&mut line, word.to_owned()));
    }
    lines.push(line);
    Some(lines)
}

/// The same number of lines, as even as they can be.
fn balanced(text: &str, wrapped: Vec<String>, width: f32, measure: &impl Fn(&str) -> f32) -> Vec<String> {
    let (count, mut best, mut narrow) = (wrapped.len(), wrapped, width);
    if count == 1 {
        return best;
    }
    loop {
        narrow *= STEP;
        match wrap(text, narrow, measure) {
            Some(narrower) if narrower.len() == count => best = narrower,
            _ => return best,
        }
    }
}

/// As much of a text as fits in the smallest letters, broken anywhere.
fn cut(text: &str, size: f32, width: f32, lines: usize, measure: &impl Fn(&str) -> f32) -> Fitted {
    let (mut set, mut line) = (Vec::new(), String::new());
    for c in text.chars() {
        let longer = format!("{line}{c}");
        if measure(&format!("{longer}…")) * size <= width {
            line = longer;
            continue;
        }
        if set.len() + 1 == lines {
            line.push('…');
            break;
        }
        set.push(std::mem::replace(&mut line, c.to_string()));
    }
    set.push(line);
    Fitted { size, lines: set }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each letter is half as wide as it is high.
    #[expect(clippy::cast_precision_loss, reason = "texts are short")]
    fn half(line: &str) -> f32 {
        line.chars().count() as f32 / 2.0
    }

    fn room(lines: usize) -> Room {
        Room { width: 600.0, height: 600.0, lines }
    }

    #[test]
    fn what_is_too_high_shrinks() {
        let low = Room { height: 50.0, ..room(2) };
        let fitted = fit(&"Anna Petrova ".repeat(8), 40.0, low, &half);
        assert!(fitted.lines.len() == 2 && fitted.size < 22.0, "{fitted:?}");
    }

    #[test]
    fn what_has_room_keeps_its_size() {
        assert_eq!(
            fit("Anna Petrova", 40.0, room(2), &half),
            Fitted { size: 40.0, lines: vec!["Anna Petrova".to_owned()] }
        );
    }

    #[test]
    fn what_is_a_little_long_shrinks_and_what_is_longer_takes_even_lines() {
        let little = fit(&"a".repeat(40), 40.0, room(2), &half);
        assert!(little.lines.len() == 1 && little.size > 28.0, "{little:?}");
        let longer = fit("Anna Maria Petrova Sidorova Ivanovna Kuznetsova Smirnova", 40.0, room(2), &half);
        assert_eq!(longer.lines, ["Anna Maria Petrova Sidorova", "Ivanovna Kuznetsova Smirnova"]);
    }

    proptest! {
        #[test]
        fn nothing_runs_over(
            text in "[a-zа-я ]{0,300}",
            size in 4.0_f32..60.0,
            width in 20.0_f32..600.0,
            lines in 1_usize..4,
        ) {
            let fitted = fit(&text, size, Room { width, height: 600.0, lines }, &half);
            prop_assert!(fitted.lines.len() <= lines);
            for line in &fitted.lines {
                prop_assert!(half(line) * fitted.size <= width * 1.001, "{fitted:?}");
            }
        }
    }
}
