//! Paints a scene with plotters and encodes it as PNG. The only file that knows plotters.

use std::sync::OnceLock;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use super::picture;
use super::picture::scene::{Anchor, Ink, Point, Scene, Shape};
use super::planning::Search;
use super::{RenderError, Results};
use crate::experiment::Comparison;

/// Roboto, cut to the glyphs of `scene::has_glyph`; its licence stands beside it.
static FONT: &[u8] = include_bytes!("font/Roboto-Regular-subset.ttf");

/// plotters does not smooth lines: the sheet is painted this many times larger and averaged down.
const SCALE: u32 = 2;

type Sheet<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;

/// `lag.png`.
pub fn lag(results: &Results) -> Result<Vec<u8>, RenderError> {
    png(&picture::compose(results)?)
}

/// A scene as PNG.
pub fn png(scene: &Scene) -> Result<Vec<u8>, RenderError> {
    encode(scene, &paint(scene)?)
}

/// `compare.png`.
pub fn comparison(comparison: &Comparison) -> Result<Vec<u8>, RenderError> {
    let scene = picture::comparison::compose(comparison);
    encode(&scene, &paint(&scene)?)
}

/// `plan.png`.
pub fn frontier(search: &Search) -> Result<Vec<u8>, RenderError> {
    let scene = picture::frontier::compose(search);
    encode(&scene, &paint(&scene)?)
}

/// The pixels of a scene, three bytes each.
fn paint(scene: &Scene) -> Result<Vec<u8>, RenderError> {
    register()?;
    let (width, height) = (scene.size.0 * SCALE, scene.size.1 * SCALE);
    let mut large = vec![0; (width * height * 3) as usize];
    {
        let sheet = BitMapBackend::with_buffer(&mut large, (width, height)).into_drawing_area();
        sheet.fill(&WHITE).map_err(drawing)?;
        for shape in &scene.shapes {
            draw(&sheet, shape)?;
        }
        sheet.present().map_err(drawing)?;
    }
    Ok(averaged(&large, scene.size))
}

fn register() -> Result<(), RenderError> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let done = DONE.get_or_init(|| register_font("sans-serif", FontStyle::Normal, FONT).is_ok());
    if *done {
        Ok(())
    } else {
        Err(RenderError::Font)
    }
}

fn drawing(error: impl std::fmt::Display) -> RenderError {
    RenderError::Drawing(error.to_string())
}

/// A point of the scene on the larger sheet.
fn large(point: Point) -> (i32, i32) {
    let scale = f64::from(SCALE);
    (
        (point.0 * scale).round() as i32,
        (point.1 * scale).round() as i32,
    )
}

fn colour(ink: Ink) -> RGBAColor {
    RGBAColor(ink.rgb.0, ink.rgb.1, ink.rgb.2, ink.alpha)
}

fn draw(sheet: &Sheet, shape: &Shape) -> Result<(), RenderError> {
    match shape {
        Shape::Rect { from, to, ink } => sheet
            .draw(&Rectangle::new(
                [large(*from), large(*to)],
                colour(*ink).filled(),
            ))
            .map_err(drawing),
        Shape::Area { points, ink } => {
            let corners: Vec<_> = points.iter().map(|point| large(*point)).collect();
            sheet
                .draw(&Polygon::new(corners, colour(*ink).filled()))
                .map_err(drawing)
        }
        Shape::Line {
            points,
            ink,
            width,
            dash,
        } => pieces(points, *dash)
            .iter()
            .try_for_each(|piece| stroke(sheet, piece, *ink, *width)),
        Shape::Text {
            at,
            anchor,
            size,
            ink,
            text,
        } => {
            let horizontal = match anchor {
                Anchor::Left => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::Right => HPos::Right,
            };
            let style = ("sans-serif", size * f64::from(SCALE))
                .into_font()
                .color(&colour(*ink))
                .pos(Pos::new(horizontal, VPos::Center));
            sheet
                .draw(&Text::new(text.as_str(), large(*at), style))
                .map_err(drawing)
        }
    }
}

/// Draws a line piece by piece with round joints: plotters' own joints break at sharp turns.
fn stroke(sheet: &Sheet, points: &[Point], ink: Ink, width: f64) -> Result<(), RenderError> {
    let width = (width * f64::from(SCALE)).round() as u32;
    let points: Vec<(i32, i32)> = points.iter().map(|point| large(*point)).collect();
    for ends in points.windows(2) {
        let path = PathElement::new(ends.to_vec(), colour(ink).stroke_width(width));
        sheet.draw(&path).map_err(drawing)?;
    }
    let inner = points.len().saturating_sub(1).max(1);
    for joint in points[..inner].iter().skip(1) {
        let dot = Circle::new(*joint, width / 2, colour(ink).filled());
        sheet.draw(&dot).map_err(drawing)?;
    }
    Ok(())
}

/// The drawn pieces of a line: itself, or its dashes along its length.
fn pieces(points: &[Point], dash: Option<(f64, f64)>) -> Vec<Vec<Point>> {
    let Some((on, off)) = dash else {
        return vec![points.to_vec()];
    };
    let mut pieces = Vec::new();
    let mut piece: Vec<Point> = points.first().copied().into_iter().collect();
    let (mut drawn, mut left) = (true, on);
    for ends in points.windows(2) {
        let [mut from, to] = [ends[0], ends[1]];
        let mut length = (to.0 - from.0).hypot(to.1 - from.1);
        while length > left {
            let share = left / length;
            from = (
                from.0 + (to.0 - from.0) * share,
                from.1 + (to.1 - from.1) * share,
            );
            length -= left;
            piece.push(from);
            if drawn {
                pieces.push(std::mem::take(&mut piece));
            }
            piece = vec![from];
            drawn = !drawn;
            left = if drawn { on } else { off };
        }
        left -= length;
        piece.push(to);
    }
    if drawn && piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

/// Each pixel the mean of its square on the larger sheet.
fn averaged(sheet: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
    let (scale, row) = (SCALE as usize, (width * SCALE * 3) as usize);
    let mut pixels = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height as usize {
        for x in 0..width as usize {
            for channel in 0..3 {
                let mut sum = 0_u32;
                for line in 0..scale {
                    for dot in 0..scale {
                        let ix = (y * scale + line) * row + (x * scale + dot) * 3 + channel;
                        sum += u32::from(sheet[ix]);
                    }
                }
                pixels.push((sum / (SCALE * SCALE)) as u8);
            }
        }
    }
    pixels
}

fn encode(scene: &Scene, pixels: &[u8]) -> Result<Vec<u8>, RenderError> {
    let failed = |error: png::EncodingError| RenderError::Encoding(error.to_string());
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, scene.size.0, scene.size.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::picture::tests::gallery;

    fn decoded(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width, info.height, pixels)
    }

    /// Every picture as PNG, by name.
    fn pictures() -> Vec<(&'static str, Vec<u8>)> {
        let runs = gallery().into_iter().map(|(name, scenario, outcomes)| {
            let results = Results {
                scenario: &scenario,
                outcomes: &outcomes.iter().collect::<Vec<_>>(),
            };
            (name, lag(&results).unwrap())
        });
        let compared = crate::report::comparison::tests::gallery();
        let compared = compared
            .iter()
            .map(|(name, one)| (*name, comparison(one).unwrap()));
        runs.chain(compared).collect()
    }

    #[test]
    fn the_picture_decodes_is_1600_by_900_and_not_blank() {
        for (name, bytes) in pictures() {
            let (width, height, pixels) = decoded(&bytes);
            assert_eq!((width, height), (1600, 900), "{name}");
            let inked = pixels
                .chunks(3)
                .filter(|pixel| *pixel != [255, 255, 255])
                .count();
            assert!(inked > 20_000 && inked < 1_000_000, "{name}: {inked}");
            if let Some(folder) = option_env!("LAGSIM_GALLERY") {
                std::fs::write(format!("{folder}/{name}.png"), &bytes).unwrap();
            }
        }
    }

    /// A glyph that the font lacks would be drawn as nothing.
    #[test]
    fn every_letter_of_the_checked_set_leaves_ink() {
        let letters = ('!'..='~')
            .chain('\u{a1}'..='\u{ff}')
            .chain("μσ–—’“”…≤≥".chars());
        for letter in letters.filter(|letter| *letter != '\u{ad}') {
            let mut scene = Scene::new(40, 40);
            let black = Ink::solid(0, 0, 0);
            scene.text(
                (20.0, 20.0),
                Anchor::Middle,
                24.0,
                black,
                &letter.to_string(),
            );
            let pixels = paint(&scene).unwrap();
            assert!(pixels.iter().any(|&value| value < 128), "{letter}");
        }
    }

    #[test]
    fn dashes_have_their_lengths_across_corners() {
        let corner = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)];
        let dashes = pieces(&corner, Some((8.0, 4.0)));
        assert_eq!(
            dashes,
            [
                vec![(0.0, 0.0), (8.0, 0.0)],
                vec![(10.0, 2.0), (10.0, 10.0)]
            ]
        );
    }
}
