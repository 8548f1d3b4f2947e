//! Areas on the Earth: what is in them, how far it is from their centre, and which rectangles of
//! the geohash grid cover them.

use super::hash::{Cell, Place, STEP_MAX};

/// The radius of the Earth, taken as a sphere, in metres.
const EARTH_RADIUS: f64 = 6_372_797.560_856;
/// Half the circumference of the Earth in Web Mercator, in metres.
const MERCATOR_MAX: f64 = 20_037_726.37;
/// Radians in a degree.
const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// A form around a centre, lengths in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

/// A part of the Earth's surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) centre: Place,
    pub(super) form: Form,
}

/// The distance of two places in metres, by the haversine formula.
pub(super) fn distance(a: Place, b: Place) -> f64 {
    let v = ((b.longitude * DEGREE - a.longitude * DEGREE) / 2.0).sin();
    if v == 0.0 {
        return north_distance(a, b);
    }
    let (from, to) = (a.latitude * DEGREE, b.latitude * DEGREE);
    let u = ((to - from) / 2.0).sin();
    let a = u * u + from.cos() * to.cos() * v * v;
    2.0 * EARTH_RADIUS * a.sqrt().asin()
}

/// The distance of the places' latitudes, in metres.
fn north_distance(a: Place, b: Place) -> f64 {
    EARTH_RADIUS * (b.latitude * DEGREE - a.latitude * DEGREE).abs()
}

/// The borders of an area in degrees.
struct Bounds {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Area {
    /// The distance of a place from the centre in metres, if it is within the area.
    pub(super) fn distance_within(&self, place: Place) -> Option<f64> {
        match self.form {
            Form::Circle { radius } => {
                let distance = distance(self.centre, place);
                (distance <= radius).then_some(distance)
            }
            Form::Box { width, height } => {
                if north_distance(place, self.centre) > height / 2.0 {
                    return None;
                }
                let across = Place { latitude: place.latitude, ..self.centre };
                if distance(place, across) > width / 2.0 {
                    return None;
                }
                Some(distance(self.centre, place))
            }
        }
    }

    /// Half of the width and of the height.
    fn halves(&self) -> (f64, f64) {
        match self.form {
            Form::Circle { radius } => (radius, radius),
            Form::Box { width, height } => (width / 2.0, height / 2.0),
        }
    }

    /// The radius of a circle around all of the area.
    fn radius(&self) -> f64 {
        match self.form {
            Form::Circle { radius } => radius,
            Form::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
        }
    }

    fn bounds(&self) -> Bounds {
        let (width, height) = self.halves();
        let Place { longitude, latitude } = self.centre;
        let up = height / EARTH_RADIUS / DEGREE;
        // A degree of longitude is shortest at the border that is nearer to a pole.
        let widest = if latitude < 0.0 { latitude - up } else { latitude + up };
        let aside = width / EARTH_RADIUS / (widest * DEGREE).cos() / DEGREE;
        Bounds {
            west: longitude - aside,
            east: longitude + aside,
            south: latitude - up,
            north: latitude + up,
        }
    }

    /// How fine a grid may be so that a cell and its eight neighbours cover the area, most likely.
    fn step(&self) -> u32 {
        let mut range = self.radius();
        if range == 0.0 {
            return STEP_MAX;
        }
        let mut step = 1;
        while range < MERCATOR_MAX && step < 2 * STEP_MAX {
            range *= 2.0;
            step += 1;
        }
        // Two less, so that the range is covered in most of the base cases; cells become narrow
        // towards the poles.
        let latitude = self.centre.latitude.abs();
        let less = 2 + u32::from(latitude > 66.0) + u32::from(latitude > 80.0);
        step.saturating_sub(less).clamp(1, STEP_MAX)
    }

    /// Cells of the grid that together cover the area: the centre's first, then its neighbours to
    /// the north, south, east, west, north-east, north-west, south-east and south-west, as far as
    /// they are needed.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let bounds = self.bounds();
        let mut cell = Cell::around(self.centre, self.step());
        if cell.step > 1 && !bounds.within_neighbours(cell) {
            cell = Cell::around(self.centre, cell.step - 1);
        }
        let ((west, east), (south, north)) = (cell.longitudes(), cell.latitudes());
        // A side that the area does not reach needs no neighbour there. (In the coarsest grid a
        // neighbour may be on both sides.)
        let needed = |aside: i32, up: i32| {
            cell.step < 2
                || !(aside < 0 && west < bounds.west
                    || aside > 0 && east > bounds.east
                    || up < 0 && south < bounds.south
                    || up > 0 && north > bounds.north)
        };
        let around = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let mut cells: Vec<Cell> = Vec::with_capacity(around.len());
        for (aside, up) in around {
            let neighbour = cell.moved(aside, up);
            if needed(aside, up) && !cells.contains(&neighbour) {
                cells.push(neighbour);
            }
        }
        cells
    }
}

impl Bounds {
    /// Whether a cell's four neighbours reach beyond the borders.
    fn within_neighbours(&self, cell: Cell) -> bool {
        cell.moved(0, 1).latitudes().1 >= self.north
            && cell.moved(0, -1).latitudes().0 <= self.south
            && cell.moved(1, 0).longitudes().1 >= self.east
            && cell.moved(-1, 0).longitudes().0 <= self.west
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn distances_are_those_of_the_documentation() {
        let palermo = Place { longitude: 13.361389338970184, latitude: 38.1155563954963 };
        let catania = Place { longitude: 15.087267458438873, latitude: 37.50266842333162 };
        assert_eq!(format!("{:.4}", distance(palermo, catania)), "166274.1516");
    }

    fn place() -> impl Strategy<Value = Place> {
        // Near the antimeridian and the poles areas lose what is beyond, as they do in Redis.
        (-120.0..120.0f64, -60.0..60.0f64)
            .prop_map(|(longitude, latitude)| Place { longitude, latitude })
    }

    proptest! {
        #[test]
        fn cells_cover_their_area(
            centre in place(),
            offset in (-1.0..1.0f64, -1.0..1.0f64),
            size in 0.1..6.0f64,
            is_box: bool,
        ) {
            let metres = 10f64.powf(size);
            let form = match is_box {
                true => Form::Box { width: metres, height: metres * 0.7 },
                false => Form::Circle { radius: metres },
            };
            let area = Area { centre, form };
            let degrees = metres / 111_000.0;
            let place = Place {
                longitude: centre.longitude + offset.0 * degrees,
                latitude: centre.latitude + offset.1 * degrees,
            };
            prop_assume!(area.distance_within(place).is_some() && place.is_valid());
            let score = place.score();
            let covered = area.cells().iter().any(|cell| {
                let (least, above) = cell.scores();
                least <= score && score < above
            });
            prop_assert!(covered, "{area:?} {place:?}");
        }
    }
}
