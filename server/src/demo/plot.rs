//! A line plot in the terminal: each character is a braille pattern of two by four dots.

use super::text::date;

/// A sample: milliseconds since 1970, and the value.
pub type Sample = (i64, f64);

/// The braille pattern without dots.
const BLANK: u32 = 0x2800;
/// The bit of each dot, by row and column.
const BITS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// Dots that can be set one by one.
struct Canvas {
    columns: usize,
    rows: usize,
    cells: Vec<u32>,
}

impl Canvas {
    fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, cells: vec![BLANK; columns * rows] }
    }

    /// Sets a dot, counted from the left and from the top. What is outside is not drawn.
    fn set(&mut self, x: usize, y: usize) {
        let (column, row) = (x / 2, y / 4);
        if column < self.columns
            && let Some(cell) = self.cells.get_mut(row * self.columns + column)
        {
            *cell |= BITS[y % 4][x % 2];
        }
    }

    /// Draws a straight line; the coordinates are in dots.
    fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let steps = dx.abs().max(dy.abs()).ceil().max(1.0) as u32;
        for step in 0..=steps {
            let part = f64::from(step) / f64::from(steps);
            let (x, y) = (from.0 + dx * part, from.1 + dy * part);
            self.set(x.round() as usize, y.round() as usize);
        }
    }

    fn row(&self, row: usize) -> String {
        let cells = self.cells.iter().skip(row * self.columns).take(self.columns);
        cells.filter_map(|cell| char::from_u32(*cell)).collect()
    }
}

/// The smallest and the largest of `values`; none if there are none.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// A scale from `range` to `0..=dots - 1`.
fn scale((low, high): (f64, f64), dots: usize) -> impl Fn(f64) -> f64 {
    let span = if high > low { high - low } else { 1.0 };
    move |value| (value - low) / span * dots.saturating_sub(1) as f64
}

/// Plots samples, which are in the order of time, in `rows` lines and two for the axis below. No
/// line is wider than `width` characters. Values that are not finite are left out.
pub fn plot(samples: &[Sample], width: usize, rows: usize) -> Vec<String> {
    let finite = || samples.iter().filter(|(_, value)| value.is_finite());
    let times = range(finite().map(|(time, _)| *time as f64));
    let values = range(finite().map(|(_, value)| *value));
    let (Some(times), Some(values), true) = (times, values, rows > 0) else {
        return vec!["(no samples)".to_owned()];
    };
    let label = |value: f64| format!("{value:.1}");
    let margin = label(values.0).len().max(label(values.1).len());
    let columns = width.saturating_sub(margin + 2).max(1);
    let mut canvas = Canvas::new(columns, rows);
    let (x, y) = (scale(times, columns * 2), scale(values, rows * 4));
    let bottom = (rows * 4 - 1) as f64;
    let points: Vec<_> = finite().map(|(t, v)| (x(*t as f64), bottom - y(*v))).collect();
    for (index, point) in points.iter().enumerate() {
        canvas.line(*points.get(index.wrapping_sub(1)).unwrap_or(point), *point);
    }
    let mut lines = Vec::new();
    for row in 0..canvas.rows {
        // The value in the middle of the line, but at both ends the extreme itself.
        let part = if rows == 1 { 0.0 } else { row as f64 / (rows - 1) as f64 };
        let value = values.1 + (values.0 - values.1) * part;
        let labelled = row == 0 || row + 1 == rows || row * 2 + 1 == rows;
        let text = if labelled { label(value) } else { String::new() };
        let axis = if labelled { '┤' } else { '│' };
        lines.push(format!("{text:>margin$} {axis}{}", canvas.row(row)));
    }
    lines.extend(time_axis(times, margin, columns));
    lines
}

/// The axis below, with the first and the last day.
fn time_axis((first, last): (f64, f64), margin: usize, columns: usize) -> [String; 2] {
    let (first, last) = (date(first as i64), date(last as i64));
    let between = columns.saturating_sub(first.len() + last.len());
    let days = if between == 0 { String::new() } else { first + &" ".repeat(between) + &last };
    let indent = " ".repeat(margin + 1);
    [format!("{indent}└{}", "─".repeat(columns)), format!("{indent} {days}")]
}
