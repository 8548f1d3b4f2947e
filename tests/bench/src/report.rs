//! Numbers as people read them, medians, and Markdown tables.

use std::time::Duration;

/// The median; 0 for no values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => 0.0,
        (n, half) if n % 2 == 1 => sorted[half],
        (_, half) => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

/// A latency in the unit that suits it.
pub fn time(nanos: f64) -> String {
    match nanos {
        n if n < 10_000.0 => format!("{n:.0} ns"),
        n if n < 10_000_000.0 => format!("{:.0} µs", n / 1e3),
        n if n < 10_000_000_000.0 => format!("{:.1} ms", n / 1e6),
        n => format!("{:.1} s", n / 1e9),
    }
}

/// A count with thousands apart.
pub fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 && digit.is_ascii_digit() {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `value / base`, or a dash when either is unknown.
pub fn ratio(value: f64, base: f64) -> String {
    if value > 0.0 && base > 0.0 { format!("{:.2}", value / base) } else { "–".into() }
}

/// Nanoseconds as a float.
pub fn nanos(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

/// A Markdown table whose columns line up.
pub struct Table(Vec<Vec<String>>);

impl Table {
    /// A table with these column heads.
    pub fn new(head: &[&str]) -> Self {
        Self(vec![head.iter().map(|&cell| cell.to_owned()).collect()])
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().collect());
    }

    /// Prints it to standard output.
    pub fn print(&self) {
        let columns = self.0[0].len();
        let width = |c: usize| {
            self.0.iter().filter_map(|row| row.get(c)).map(|s| s.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (index, row) in self.0.iter().enumerate() {
            let cells = row.iter().zip(&widths).enumerate();
            let line: Vec<String> = cells.map(|(c, (cell, &w))| pad(cell, w, c == 0)).collect();
            println!("| {} |", line.join(" | "));
            if index == 0 {
                let rules = widths.iter().enumerate().map(|(c, &w)| rule(w, c == 0));
                println!("|{}|", rules.collect::<Vec<_>>().join("|"));
            }
        }
        println!();
    }
}

fn pad(cell: &str, width: usize, left: bool) -> String {
    if left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
}

fn rule(width: usize, left: bool) -> String {
    let dashes = "-".repeat(width + 1);
    if left { format!("-{dashes}") } else { format!("{dashes}:") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([1.0, 2.0, 3.0, 4.0]), 2.5);
        assert_eq!(median([]), 0.0);
    }

    #[test]
    fn readable_numbers() {
        assert_eq!(count(1_234_567.0), "1,234,567");
        assert_eq!(count(123.0), "123");
        assert_eq!(time(1_500.0), "1500 ns");
        assert_eq!(time(2_500_000.0), "2500 µs");
        assert_eq!(ratio(1.0, 0.0), "–");
        assert_eq!(ratio(1.0, 2.0), "0.50");
    }
}
