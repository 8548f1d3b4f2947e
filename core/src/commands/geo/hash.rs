//! Geohashes: a place on the Earth as an integer whose bits are, alternately, those of its
//! longitude and latitude, so that a prefix names a rectangle.
//!
//! Longitudes go from -180 to 180 degrees and latitudes from -85.05112878 to 85.05112878, the
//! limits of the Web Mercator projection (EPSG:900913); scores of 52 bits, 26 for each, are those
//! that Redis keeps. The encoding is described in its documentation of GEOADD; the interleaving of
//! bits in <https://graphics.stanford.edu/~seander/bithacks.html#InterleaveBMN>.

/// Bits of each coordinate in a score.
pub(super) const STEP_MAX: u32 = 26;

/// The limits of longitudes, in degrees.
pub(super) const LONGITUDE: (f64, f64) = (-180.0, 180.0);
/// The limits of latitudes, in degrees.
pub(super) const LATITUDE: (f64, f64) = (-85.051_128_78, 85.051_128_78);

/// The digits of geohashes as text.
const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// Length of a geohash as text.
const TEXT: usize = 11;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
}

impl Place {
    /// Whether its coordinates are within the limits.
    pub(super) fn is_valid(self) -> bool {
        (LONGITUDE.0..=LONGITUDE.1).contains(&self.longitude)
            && (LATITUDE.0..=LATITUDE.1).contains(&self.latitude)
    }

    /// Its score: the hash of 52 bits.
    pub(super) fn score(self) -> f64 {
        Cell::around(self, STEP_MAX).bits() as f64
    }

    /// The centre of the rectangle that a score names.
    pub(super) fn of_score(score: f64) -> Self {
        let cell = Cell::of_bits(bits_of_score(score), STEP_MAX);
        let middle = |(low, high): (f64, f64), limits: (f64, f64)| {
            ((low + high) / 2.0).clamp(limits.0, limits.1)
        };
        Self {
            longitude: middle(cell.longitudes(), LONGITUDE),
            latitude: middle(cell.latitudes(), LATITUDE),
        }
    }

    /// The standard geohash of a place, as text. It has its own limits of latitude, and of its 55
    /// bits the last three are unknown.
    pub(super) fn text(self) -> [u8; TEXT] {
        let x = quantize(self.longitude, LONGITUDE, STEP_MAX);
        let y = quantize(self.latitude, (-90.0, 90.0), STEP_MAX);
        let bits = spread(y) | spread(x) << 1;
        let mut text = [b'0'; TEXT];
        for (index, digit) in text.iter_mut().enumerate().take(TEXT - 1) {
            *digit = DIGITS[(bits >> (52 - (index + 1) * 5) & 31) as usize];
        }
        text
    }
}

/// A rectangle of the grid that divides longitudes and latitudes into `1 << step` parts each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    x: u32,
    y: u32,
    pub(super) step: u32,
}

impl Cell {
    /// The rectangle that a place is in.
    pub(super) fn around(place: Place, step: u32) -> Self {
        let x = quantize(place.longitude, LONGITUDE, step);
        Self { x, y: quantize(place.latitude, LATITUDE, step), step }
    }

    fn of_bits(bits: u64, step: u32) -> Self {
        Self { x: gather(bits >> 1), y: gather(bits), step }
    }

    /// The hash, of `2 * step` bits.
    pub(super) fn bits(self) -> u64 {
        spread(self.y) | spread(self.x) << 1
    }

    /// The scores in the rectangle: at least the first and less than the second.
    pub(super) fn scores(self) -> (f64, f64) {
        let shift = 2 * (STEP_MAX - self.step);
        ((self.bits() << shift) as f64, ((self.bits() + 1) << shift) as f64)
    }

    /// The rectangle so far to the east and the north, around the edges of the grid.
    pub(super) fn moved(self, east: i32, north: i32) -> Self {
        let mask = (1u32 << self.step) - 1;
        Self {
            x: self.x.wrapping_add_signed(east) & mask,
            y: self.y.wrapping_add_signed(north) & mask,
            ..self
        }
    }

    /// Its western and eastern border.
    pub(super) fn longitudes(self) -> (f64, f64) {
        borders(self.x, LONGITUDE, self.step)
    }

    /// Its southern and northern border.
    pub(super) fn latitudes(self) -> (f64, f64) {
        borders(self.y, LATITUDE, self.step)
    }
}

/// The bits that a score stands for. Scores that are none of a place have some too: those that
/// the usual processors make of them.
fn bits_of_score(score: f64) -> u64 {
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    match score {
        _ if score < TWO_TO_63 => (score as i64).cast_unsigned(),
        _ if score < 2.0 * TWO_TO_63 => score as u64,
        _ => 0,
    }
}

/// In which of `1 << step` parts between the limits a coordinate lies.
fn quantize(value: f64, (low, high): (f64, f64), step: u32) -> u32 {
    let part = (value - low) / (high - low) * f64::from(1u32 << step);
    part as u32
}

fn borders(part: u32, (low, high): (f64, f64), step: u32) -> (f64, f64) {
    let parts = f64::from(1u32 << step);
    let at = |part: f64| low + (part / parts) * (high - low);
    (at(f64::from(part)), at(f64::from(part) + 1.0))
}

/// Puts the bits of a number at the even places of one twice as long.
fn spread(n: u32) -> u64 {
    let mut n = u64::from(n);
    n = (n | n << 16) & 0x0000_ffff_0000_ffff;
    n = (n | n << 8) & 0x00ff_00ff_00ff_00ff;
    n = (n | n << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    n = (n | n << 2) & 0x3333_3333_3333_3333;
    (n | n << 1) & 0x5555_5555_5555_5555
}

/// The bits at even places.
fn gather(n: u64) -> u32 {
    let mut n = n & 0x5555_5555_5555_5555;
    n = (n | n >> 1) & 0x3333_3333_3333_3333;
    n = (n | n >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    n = (n | n >> 4) & 0x00ff_00ff_00ff_00ff;
    n = (n | n >> 8) & 0x0000_ffff_0000_ffff;
    (n | n >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_places_have_their_known_hashes() {
        let palermo = Place { longitude: 13.361389, latitude: 38.115556 };
        assert_eq!(palermo.score(), 3479099956230698.0);
        assert_eq!(&palermo.text(), b"sqc8b49rny0");
        let back = Place::of_score(palermo.score());
        assert_eq!((back.longitude, back.latitude), (13.361389338970184, 38.1155563954963));
    }

    proptest! {
        #[test]
        fn a_place_is_in_its_cell(x in -180.0..180.0f64, y in -85.05..85.05f64, step in 1..=STEP_MAX) {
            let place = Place { longitude: x, latitude: y };
            let cell = Cell::around(place, step);
            let ((west, east), (south, north)) = (cell.longitudes(), cell.latitudes());
            prop_assert!(west <= x + 1e-9 && x <= east + 1e-9);
            prop_assert!(south <= y + 1e-9 && y <= north + 1e-9);
            let (least, above) = cell.scores();
            prop_assert!(least <= place.score() && place.score() < above);
            prop_assert_eq!(Cell::of_bits(cell.bits(), step), cell);
            prop_assert_eq!(cell.moved(1, -1).moved(-1, 1), cell);
            prop_assert_eq!(cell.moved(1 << step, 0), cell);
            prop_assert_eq!(Place::of_score(place.score()).score(), place.score());
        }
    }
}
