//! Paints a scene with plotters and encodes it as PNG. The only file that knows plotters.

use std::sync::OnceLock;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use super::picture;
use super::picture::scene::{Anchor, Ink, Point, Scene, Shape};
use super::{RenderError, Results};

/// Roboto, cut to the glyphs of `scene::has_glyph`; its licence stands beside it.
static FONT: &[u8] = include_bytes!("font/Roboto-Regular-subset.ttf");

/// plotters does not smooth lines: the sheet is painted this many times larger and averaged down.
const SCALE: u32 = 2;

type Sheet<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;

/// `lag.png`.
pub fn lag(results: &Results) -> Result<Vec<u8>, RenderError> {
    let scene = picture::compose(results)?;
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
        } => {
            let stroke = (width * f64::from(SCALE)).round() as u32;
            for piece in pieces(points, *dash) {
                let path: Vec<_> = piece.into_iter().map(large).collect();
                sheet
                    .draw(&PathElement::new(path, colour(*ink).stroke_width(stroke)))
                    .map_err(drawing)?;
            }
            Ok(())
        }
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
