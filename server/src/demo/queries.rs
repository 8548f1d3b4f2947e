//! The queries of the demo. How their answers are shown is for `present`.

/// A query and the way its answer is shown.
pub struct Query {
    /// What it asks, in words.
    pub title: &'static str,
    /// The command, as it is typed into redis-cli.
    pub command: &'static str,
    /// How to show the answer.
    pub show: Show,
}

/// A way to show an answer.
#[derive(Debug, Clone, Copy)]
pub enum Show {
    /// FT.SEARCH: a table of these fields.
    Hits(&'static [Column]),
    /// JSON.GET of several paths: a line for each.
    Paths,
    /// JSON.GET of one path that matches objects: a table with a line for each.
    Objects,
    /// TS.RANGE: a plot; the values have this unit.
    Plot(&'static str),
    /// TS.MRANGE: a table with a column for each series.
    SeriesTable,
    /// TS.INFO: the facts worth knowing.
    Facts,
}

/// A column of hits.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The field.
    pub field: &'static str,
    /// What stands above it.
    pub title: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A number, shown as it comes.
    Number,
    /// A quantity, shown as a whole number with commas.
    Quantity,
}

const fn column(field: &'static str, title: &'static str, kind: Kind) -> Column {
    Column { field, title, kind }
}

const PACKAGES: Show = Show::Hits(&[
    column("name", "package", Kind::Text),
    column("summary", "summary", Kind::Text),
    column("size", "installed kB", Kind::Quantity),
]);

/// A kind of data and the queries on it.
pub struct Chapter {
    /// The kind.
    pub title: &'static str,
    /// Three queries.
    pub queries: [Query; 3],
}

/// The whole tour.
pub const TOUR: [Chapter; 3] = [SEARCH, JSON, SERIES];

const SEARCH: Chapter = Chapter {
    title: "Search: the packages of Debian 12, as hashes",
    queries: [
        Query {
            title: "Games of strategy, the best match first",
            command: "FT.SEARCH packages 'strategy game @section:{games}' RETURN 3 \
                      name summary size LIMIT 0 6",
            show: PACKAGES,
        },
        Query {
            title: "Editors of 20 MB or more, the largest first",
            command: "FT.SEARCH packages '@section:{editors} @size:[20000 +inf]' \
                      SORTBY size DESC RETURN 3 name summary size LIMIT 0 6",
            show: PACKAGES,
        },
        Query {
            title: "A phrase, and the beginning of a word",
            command: "FT.SEARCH packages \
                      '\"programming language\" interp* @section:{interpreters}' RETURN \
                      3 name summary size LIMIT 0 6",
            show: PACKAGES,
        },
    ],
};

const JSON: Chapter = Chapter {
    title: "JSON: films, and the features of the Web platform",
    queries: [
        Query {
            title: "Some parts of one document",
            command: "JSON.GET film:tt0062622 '$.title' '$.directors[0]' '$.cast[0:3]' \
                      '$.reception.rating' '$.awards.oscars'",
            show: Show::Paths,
        },
        Query {
            title: "Elements that pass a filter: when browsers wanted a prefix for CSS transforms",
            command: "JSON.GET web:css.properties.transform \
                      '$.support.firefox[?(@.prefix == \"-webkit-\" || @.prefix == \"-moz-\")]'",
            show: Show::Objects,
        },
        Query {
            title: "Search inside documents: animated films from Japan, the best first",
            command: "FT.SEARCH films \
                      '@genre:{Animation} @country:{Japan} @year:[1980 2015]' SORTBY \
                      rating DESC RETURN 4 title director year rating LIMIT 0 6",
            show: Show::Hits(&[
                column("title", "title", Kind::Text),
                column("director", "director", Kind::Text),
                column("year", "year", Kind::Number),
                column("rating", "rating", Kind::Number),
            ]),
        },
    ],
};

const SERIES: Chapter = Chapter {
    title: "Time series: the sea, stocks, blood sugar",
    queries: [
        Query {
            title: "Temperature of the Gulf of Maine, the average of each day",
            command: "TS.RANGE sea:temperature - + AGGREGATION avg 86400000",
            show: Show::Plot("°C"),
        },
        Query {
            title: "Closing prices of all stocks in early 2013, the average of each week",
            command: "TS.MRANGE 1357000000000 1362096000000 AGGREGATION avg 604800000 \
                      FILTER source=stock field=close",
            show: Show::SeriesTable,
        },
        Query {
            title: "How well the samples are packed",
            command: "TS.INFO glucose:glucose",
            show: Show::Facts,
        },
    ],
};
