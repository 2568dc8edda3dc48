//! Shapes on a sheet, in pixels from the upper left corner. Not for how they get onto a bitmap.

/// A colour with its opacity from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ink {
    /// Red, green, blue.
    pub rgb: (u8, u8, u8),
    /// Opacity.
    pub alpha: f64,
}

impl Ink {
    /// Opaque.
    pub const fn solid(red: u8, green: u8, blue: u8) -> Self {
        Ink {
            rgb: (red, green, blue),
            alpha: 1.0,
        }
    }

    /// The same colour, this opaque.
    pub const fn faint(self, alpha: f64) -> Self {
        Ink { alpha, ..self }
    }
}

/// Okabe and Ito's palette, told apart by the colour-blind too.
pub mod palette {
    use super::Ink;

    /// Text and axes.
    pub const BLACK: Ink = Ink::solid(0x22, 0x22, 0x22);
    /// Secondary text.
    pub const GREY: Ink = Ink::solid(0x66, 0x66, 0x66);
    /// Grid lines.
    pub const PALE: Ink = Ink::solid(0xDD, 0xDD, 0xDD);
    /// Okabe-Ito.
    pub const ORANGE: Ink = Ink::solid(0xE6, 0x9F, 0x00);
    /// Okabe-Ito.
    pub const SKY: Ink = Ink::solid(0x56, 0xB4, 0xE9);
    /// Okabe-Ito.
    pub const GREEN: Ink = Ink::solid(0x00, 0x9E, 0x73);
    /// Okabe-Ito.
    pub const BLUE: Ink = Ink::solid(0x00, 0x72, 0xB2);
    /// Okabe-Ito.
    pub const VERMILLION: Ink = Ink::solid(0xD5, 0x5E, 0x00);
    /// Okabe-Ito.
    pub const PURPLE: Ink = Ink::solid(0xCC, 0x79, 0xA7);
    /// Lines of partitions, in order; the yellow of the palette is too pale on white, and green is last because
    /// alerts are green.
    pub const LINES: [Ink; 7] = [
        BLUE,
        VERMILLION,
        Ink::solid(0x55, 0x55, 0x55),
        ORANGE,
        PURPLE,
        SKY,
        GREEN,
    ];
}

/// A point.
pub type Point = (f64, f64);

/// Where the point given stands in a text, which is always centred vertically.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// At its left end.
    Left,
    /// In its middle.
    Middle,
    /// At its right end.
    Right,
}

/// Something to draw.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A filled rectangle.
    Rect {
        /// Upper left.
        from: Point,
        /// Lower right.
        to: Point,
        /// Its colour.
        ink: Ink,
    },
    /// A filled polygon.
    Area {
        /// Its corners.
        points: Vec<Point>,
        /// Its colour.
        ink: Ink,
    },
    /// A line.
    Line {
        /// Its points.
        points: Vec<Point>,
        /// Its colour.
        ink: Ink,
        /// Its width.
        width: f64,
        /// Lengths drawn and left out in turn; none for a solid line.
        dash: Option<(f64, f64)>,
    },
    /// A text on one line.
    Text {
        /// Where.
        at: Point,
        /// Which end of it is there.
        anchor: Anchor,
        /// Height of the font.
        size: f64,
        /// Its colour.
        ink: Ink,
        /// What.
        text: String,
    },
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width and height.
    pub size: (u32, u32),
    /// Painted in this order.
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// A white sheet.
    pub fn new(width: u32, height: u32) -> Self {
        Scene {
            size: (width, height),
            shapes: Vec::new(),
        }
    }

    /// Adds a text; characters that the font lacks are replaced.
    pub fn text(&mut self, at: Point, anchor: Anchor, size: f64, ink: Ink, text: &str) {
        self.shapes.push(Shape::Text {
            at,
            anchor,
            size,
            ink,
            text: text.chars().map(drawable).collect(),
        });
    }

    /// Adds a line.
    pub fn line(&mut self, points: Vec<Point>, ink: Ink, width: f64, dash: Option<(f64, f64)>) {
        self.shapes.push(Shape::Line {
            points,
            ink,
            width,
            dash,
        });
    }

    /// Adds a filled rectangle.
    pub fn rect(&mut self, from: Point, to: Point, ink: Ink) {
        self.shapes.push(Shape::Rect { from, to, ink });
    }
}

/// Whether the embedded font has a glyph for `letter`: it holds Latin-1 and a few signs.
pub fn has_glyph(letter: char) -> bool {
    matches!(letter, ' '..='~' | '\u{a0}'..='\u{ff}' | 'μ' | 'σ' | '–' | '—' | '’' | '“' | '”' | '…' | '≤' | '≥')
}

/// `letter`, or a question mark: the backend would draw nothing at all for a glyph that is missing.
fn drawable(letter: char) -> char {
    match letter {
        '→' => '–',
        letter if has_glyph(letter) => letter,
        _ => '?',
    }
}

/// How wide a text of this size is at most, roughly: by classes of letters of Roboto.
pub fn text_width(text: &str, size: f64) -> f64 {
    let em = |letter: char| match letter {
        'i' | 'l' | 'j' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | 'I' => 0.25,
        'f' | 't' | 'r' | '(' | ')' | '-' | '/' => 0.33,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' => 0.77,
        'A'..='Z' => 0.59,
        _ => 0.49,
    };
    text.chars().map(em).sum::<f64>() * size
}

/// `text`, or as much of it as fits into `width` and an ellipsis.
pub fn fitted(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for letter in text.chars() {
        short.push(letter);
        if text_width(&short, size) + text_width("…", size) > width {
            short.pop();
            break;
        }
    }
    format!("{}…", short.trim_end())
}
