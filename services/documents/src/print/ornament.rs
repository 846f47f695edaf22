//! The frame and what lies behind the words: lines of a banknote, drawn by formula.

use std::f32::consts::TAU;

use krilla::{
    color::rgb::Color,
    geom::PathBuilder,
    num::NormalizedF32,
    paint::{LineCap, LineJoin, Stroke},
    surface::Surface,
};

use super::{
    HEIGHT, MM, WIDTH, paint,
    template::{Colors, Rule},
};

/// How far the outer line is from the edge of the page, and how wide the band inside it is.
const MARGIN: f32 = 9.0 * MM;
const BAND: f32 = 6.0 * MM;
/// How many curves lie in the rosette, and how many points each has.
const CURVES: u16 = 9;
const POINTS: u16 = 480;

/// A rosette in the middle of the page, hardly to be seen.
pub(super) fn rosette(surface: &mut Surface<'_>, color: Color) {
    let (x, y) = (WIDTH / 2.0, HEIGHT / 2.0);
    for curve in 0..CURVES {
        let share = f32::from(curve) / f32::from(CURVES);
        let mut path = PathBuilder::new();
        for point in 0..=POINTS {
            let angle = TAU * f32::from(point) / f32::from(POINTS);
            let waves = (angle * 12.0 + share * TAU).sin() * 0.13 + (angle * 24.0 - share * TAU).sin() * 0.05;
            let radius = 63.0 * MM * (1.0 + waves);
            let (px, py) = (x + radius * angle.cos() * 1.22, y + radius * angle.sin());
            if point == 0 { path.move_to(px, py) } else { path.line_to(px, py) }
        }
        path.close();
        stroke(surface, path, color, 0.3);
    }
}

/// The frame: a strong line, a braid of waves, a fine line, and a rose in each corner.
pub(super) fn frame(surface: &mut Surface<'_>, colors: &Colors) {
    rectangle(surface, MARGIN, colors.ink, 1.3);
    rectangle(surface, MARGIN + 1.1 * MM, colors.accent, 0.35);
    rectangle(surface, MARGIN + BAND - 1.1 * MM, colors.accent, 0.35);
    rectangle(surface, MARGIN + BAND, colors.ink, 0.5);
    let (middle, corner) = (MARGIN + BAND / 2.0, MARGIN + BAND);
    let (long, high) = (WIDTH - 2.0 * corner, HEIGHT - 2.0 * corner);
    for (across, along, at) in
        [(long, true, middle), (long, true, HEIGHT - middle), (high, false, middle), (high, false, WIDTH - middle)]
    {
        for wave in 0..3_u8 {
            let mut path = PathBuilder::new();
            braid(&mut path, across, if along { (corner, at) } else { (at, corner) }, along, wave);
            stroke(surface, path, colors.accent, 0.4);
        }
    }
    for (x, y) in
        [(middle, middle), (WIDTH - middle, middle), (middle, HEIGHT - middle), (WIDTH - middle, HEIGHT - middle)]
    {
        rose(surface, x, y, colors);
    }
}

/// One strand of a braid: half waves, each a cubic that follows a sine.
fn braid(path: &mut PathBuilder, length: f32, (x, y): (f32, f32), along: bool, wave: u8) {
    // An even number of half waves, so that the strands meet at both ends; about as long on each side of the page.
    let halves: u16 = if along { 102 } else { 68 };
    let half = length / f32::from(halves);
    let height = [1.45, 1.0, 0.55][usize::from(wave % 3)] * MM * 4.0 / 3.0;
    let at = |s: f32, t: f32| if along { (x + s, y + t) } else { (x + t, y + s) };
    for side in [1.0_f32, -1.0] {
        path.move_to(x, y);
        for index in 0..halves {
            let start = f32::from(index) * half;
            let swing = if index % 2 == 0 { height * side } else { -height * side };
            let (ax, ay) = at(start + half * 0.364, swing);
            let (bx, by) = at(start + half * 0.636, swing);
            let (ex, ey) = at(start + half, 0.0);
            path.cubic_to(ax, ay, bx, by, ex, ey);
        }
    }
}

/// A flower of eight petals in a ring.
fn rose(surface: &mut Surface<'_>, x: f32, y: f32, colors: &Colors) {
    let size = BAND / 2.0;
    let mut square = PathBuilder::new();
    for (index, (dx, dy)) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].into_iter().enumerate() {
        let (px, py) = (x + size * dx, y + size * dy);
        if index == 0 { square.move_to(px, py) } else { square.line_to(px, py) }
    }
    square.close();
    paint(surface, square, colors.ink);
    let mut petals = PathBuilder::new();
    for petal in 0..8_u8 {
        let turn = TAU * f32::from(petal) / 8.0;
        let at = |angle: f32, radius: f32| (x + size * radius * angle.cos(), y + size * radius * angle.sin());
        let (tip, left, right) = (at(turn, 0.78), at(turn - 0.42, 0.55), at(turn + 0.42, 0.55));
        petals.move_to(x, y);
        petals.quad_to(left.0, left.1, tip.0, tip.1);
        petals.quad_to(right.0, right.1, x, y);
        petals.close();
    }
    paint(surface, petals, colors.paper);
    let mut heart = PathBuilder::new();
    circle(&mut heart, x, y, size * 0.17);
    paint(surface, heart, colors.accent);
}

/// A fine line, perhaps with a diamond in its middle.
pub(super) fn rule(surface: &mut Surface<'_>, rule: &Rule, color: Color) {
    let (x, y, half) = (rule.at[0] * MM, rule.at[1] * MM, rule.width * MM / 2.0);
    let gap = if rule.diamond { 2.4 * MM } else { 0.0 };
    for side in [-1.0, 1.0] {
        let mut line = PathBuilder::new();
        line.move_to(x + side * gap, y);
        line.line_to(x + side * half, y);
        stroke(surface, line, color, 0.5);
    }
    if rule.diamond {
        let (wide, high) = (1.25 * MM, 0.95 * MM);
        let mut diamond = PathBuilder::new();
        diamond.move_to(x - wide, y);
        diamond.line_to(x, y - high);
        diamond.line_to(x + wide, y);
        diamond.line_to(x, y + high);
        diamond.close();
        paint(surface, diamond, color);
    }
}

fn circle(path: &mut PathBuilder, x: f32, y: f32, radius: f32) {
    let pull = radius * 0.552_285;
    path.move_to(x + radius, y);
    path.cubic_to(x + radius, y + pull, x + pull, y + radius, x, y + radius);
    path.cubic_to(x - pull, y + radius, x - radius, y + pull, x - radius, y);
    path.cubic_to(x - radius, y - pull, x - pull, y - radius, x, y - radius);
    path.cubic_to(x + pull, y - radius, x + radius, y - pull, x + radius, y);
    path.close();
}

fn rectangle(surface: &mut Surface<'_>, inset: f32, color: Color, width: f32) {
    let mut path = PathBuilder::new();
    path.move_to(inset, inset);
    path.line_to(WIDTH - inset, inset);
    path.line_to(WIDTH - inset, HEIGHT - inset);
    path.line_to(inset, HEIGHT - inset);
    path.close();
    stroke(surface, path, color, width);
}

fn stroke(surface: &mut Surface<'_>, path: PathBuilder, color: Color, width: f32) {
    let Some(path) = path.finish() else { return };
    surface.set_fill(None);
    surface.set_stroke(Some(Stroke {
        paint: color.into(),
        width,
        line_cap: LineCap::Round,
        line_join: LineJoin::Miter,
        opacity: NormalizedF32::ONE,
        ..Stroke::default()
    }));
    surface.draw_path(&path);
}
