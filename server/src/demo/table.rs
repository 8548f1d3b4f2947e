//! Tables of text that fit the terminal: numbers to the right, long cells shortened.

use super::text::shortened;

/// Columns are never made narrower than this, in characters.
const NARROWEST: usize = 6;
/// What stands between two columns.
const GAP: &str = "  ";

/// On which side a column's cells are aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table that is being filled.
pub struct Table {
    header: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(header: Vec<(String, Align)>) -> Self {
        Self { header, rows: Vec::new() }
    }

    /// A table without rows that fits text to the left and numbers to the right by name.
    pub fn of(columns: &[(&str, Align)]) -> Self {
        Self::new(columns.iter().map(|(title, align)| ((*title).to_owned(), *align)).collect())
    }

    /// Adds a row. Cells that are missing stay empty; those without a column are not shown.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines, none wider than `width` characters as long as every column can have
    /// [`NARROWEST`].
    pub fn render(&self, width: usize) -> Vec<String> {
        let widths = self.widths(width);
        let titles = self.header.iter().map(|(title, _)| title.clone()).collect::<Vec<_>>();
        let rule = widths.iter().map(|w| "─".repeat(*w)).collect::<Vec<_>>();
        let mut lines = vec![self.line(&titles, &widths), rule.join(GAP)];
        lines.extend(self.rows.iter().map(|row| self.line(row, &widths)));
        lines
    }

    /// The widths of the columns: what their cells need, and if that is too much together, the
    /// widest give way first.
    fn widths(&self, width: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.header.iter().map(|(t, _)| t.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > width {
            match widths.iter_mut().max() {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                _ => break,
            }
        }
        widths
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (index, ((_, align), &width)) in self.header.iter().zip(widths).enumerate() {
            if index > 0 {
                line.push_str(GAP);
            }
            let cell = shortened(cells.get(index).map_or("", String::as_str), width);
            match align {
                Align::Left => line.push_str(&format!("{cell:<width$}")),
                Align::Right => line.push_str(&format!("{cell:>width$}")),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}
