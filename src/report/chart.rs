//! A small chart in braille, for terminals.

/// Braille dots by (column, row) inside a character of 2 x 4 dots.
const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// Draws `values`, evenly spaced in time, as a filled chart of `width` x `height` characters, scaled from zero to
/// `top`. Each line of the result is one row, highest first.
pub fn filled(values: &[u64], top: u64, width: usize, height: usize) -> Vec<String> {
    let columns = width * 2;
    let dots = height * 4;
    let mut rows = vec![vec![0_u8; width]; height];
    for column in 0..columns {
        let value = highest(values, column, columns);
        // Rounded up, so that what is not zero shows.
        let filled = if top == 0 {
            0
        } else {
            (u128::from(value) * dots as u128).div_ceil(u128::from(top)) as usize
        };
        for dot in 0..filled.min(dots) {
            let line = dots - 1 - dot;
            rows[line / 4][column / 2] |= DOTS[column % 2][line % 4];
        }
    }
    let braille = |bits: &u8| char::from_u32(0x2800 + u32::from(*bits)).unwrap_or(' ');
    rows.iter()
        .map(|row| row.iter().map(braille).collect())
        .collect()
}

/// The highest of the values that fall into a column, so that no peak is lost.
fn highest(values: &[u64], column: usize, columns: usize) -> u64 {
    let from = column * values.len() / columns;
    let to = ((column + 1) * values.len())
        .div_ceil(columns)
        .max(from + 1);
    values
        .get(from..to.min(values.len()))
        .unwrap_or_default()
        .iter()
        .copied()
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_fills_from_the_lower_right() {
        let values: Vec<u64> = (0..=100).collect();
        let rows = filled(&values, 100, 8, 2);
        assert_eq!(rows, ["⠀⠀⠀⠀⣠⣤⣾⣿", "⣀⣤⣶⣿⣿⣿⣿⣿"]);
    }

    #[test]
    fn what_is_not_zero_shows_and_zero_does_not() {
        assert_eq!(filled(&[0, 1], 1_000_000, 1, 1), ["⢀"]);
        assert_eq!(filled(&[0, 0], 0, 1, 1), ["⠀"]);
        assert_eq!(filled(&[], 0, 2, 1), ["⠀⠀"]);
    }
}
