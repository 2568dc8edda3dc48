//! Lines and cells of a CSV text, each with its place. What they mean is their readers' affair.

use std::ops::Range;

/// Some text and where it stands, in bytes.
pub type Cell<'a> = (Range<usize>, &'a str);

/// Lines that are neither empty nor comments (`#`), without their ends.
pub fn lines_of(text: &str) -> Vec<Cell<'_>> {
    let mut start = 0;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        if !bare.is_empty() && !bare.starts_with('#') {
            lines.push((start..start + bare.len(), bare));
        }
        start += line.len();
    }
    lines
}

/// The cells of a line, between commas or semicolons, without spaces, quotes and a byte-order mark around them.
pub fn cells_of((place, line): Cell<'_>) -> impl Iterator<Item = Cell<'_>> {
    let around = |letter: char| letter.is_whitespace() || letter == '"' || letter == '\u{feff}';
    line.split([',', ';']).map(move |cell| {
        let bare = cell.trim_matches(around);
        let at = place.start + (bare.as_ptr() as usize - line.as_ptr() as usize);
        (at..at + bare.len(), bare)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_where_they_say() {
        let text = "\u{feff}time_s, rate\n# none\n\n 1 ;\"2\"\r\n,\n";
        let lines = lines_of(text);
        let cells: Vec<&str> = lines
            .iter()
            .flat_map(|line| cells_of(line.clone()))
            .map(|(place, cell)| {
                assert_eq!(&text[place], cell);
                cell
            })
            .collect();
        assert_eq!(cells, ["time_s", "rate", "1", "2", "", ""]);
    }
}
