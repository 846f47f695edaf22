//! The QR code: an address as vector rectangles, so that it is sharp at every size.

use anyhow::Context;
use krilla::{
    color::rgb::Color,
    geom::{PathBuilder, Rect},
    surface::Surface,
};
use qrcode::{EcLevel, QrCode};

use super::{MM, paint, template::Square};

/// The modules of a code, row by row; true is dark.
pub(super) struct Modules {
    pub(super) width: usize,
    pub(super) dark: Vec<bool>,
}

impl Modules {
    /// The code of an address. A quarter of its symbols may be damaged: paper is folded and stained.
    pub(super) fn of(address: &str) -> anyhow::Result<Self> {
        let code =
            QrCode::with_error_correction_level(address, EcLevel::Q).context("the address is too long for a code")?;
        Ok(Self {
            width: code.width(),
            dark: code.into_colors().into_iter().map(|color| color == qrcode::Color::Dark).collect(),
        })
    }

    /// The dark modules as runs along the rows: row, first column, and how many.
    fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.dark.chunks(self.width).enumerate().flat_map(|(row, modules)| {
            let mut runs: Vec<(usize, usize, usize)> = Vec::new();
            for (column, _) in modules.iter().enumerate().filter(|(_, dark)| **dark) {
                match runs.last_mut() {
                    Some((_, first, count)) if *first + *count == column => *count += 1,
                    _ => runs.push((row, column, 1)),
                }
            }
            runs
        })
    }
}

/// Draws the code of an address. The paper around it is its quiet zone.
#[expect(clippy::cast_precision_loss, reason = "a code has at most 177 modules a side")]
pub(super) fn draw(surface: &mut Surface<'_>, place: &Square, address: &str, color: Color) -> anyhow::Result<()> {
    let modules = Modules::of(address)?;
    let side = place.size * MM / modules.width as f32;
    let (left, top) = (place.at[0] * MM, place.at[1] * MM);
    let mut path = PathBuilder::new();
    for (row, column, count) in modules.runs() {
        let rect = Rect::from_xywh(left + column as f32 * side, top + row as f32 * side, count as f32 * side, side);
        path.push_rect(rect.context("a module is a rectangle")?);
    }
    paint(surface, path, color);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_reads_the_address() {
        let address = "https://school.example/certificates/LYC-2026-1T51PB2DV";
        let modules = Modules::of(address).unwrap();
        // From the runs that are drawn, eight dots a module, with a quiet zone of four modules.
        let (scale, quiet) = (8, 4);
        let side = (modules.width + 2 * quiet) * scale;
        let mut dots = vec![255_u8; side * side];
        for (row, column, count) in modules.runs() {
            for y in (row + quiet) * scale..(row + quiet + 1) * scale {
                for x in (column + quiet) * scale..(column + count + quiet) * scale {
                    dots[y * side + x] = 0;
                }
            }
        }
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| dots[y * side + x]);
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        assert_eq!(grids[0].decode().unwrap().1, address);
    }

    #[test]
    fn an_address_that_is_too_long_is_refused() {
        assert!(Modules::of(&"x".repeat(5_000)).is_err());
    }
}
