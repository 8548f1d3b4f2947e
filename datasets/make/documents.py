#!/usr/bin/env python3
"""Makes documents/web-features.ndjson.gz and documents/films.ndjson.gz.

Web features: every leaf of MDN's browser compatibility data (npm's @mdn/browser-compat-data) as the
nested document that it is, with its path added. Films: Wikidata's facts on films (PyPI's
bokeh-sampledata), a row of its two tables a document; lists that the tables keep in one string are
arrays again, and empty fields are left out.
"""

import json
import pathlib
import sqlite3
import subprocess
import tarfile
import tempfile

from common import pip_package, write_ndjson

BROWSER_DATA = "@mdn/browser-compat-data@8.1.9"
SAMPLE_DATA = "bokeh-sampledata==2026.1"

# The Web's languages whole, and of the very many features of its API every third.
AREAS = ["css", "html", "http", "javascript", "svg", "mathml", "manifests", "webassembly"]


def browser_data() -> dict:
    """The package's data file."""
    into = pathlib.Path(tempfile.mkdtemp())
    subprocess.run(["npm", "pack", "--silent", BROWSER_DATA], cwd=into, check=True,
                   stdout=subprocess.DEVNULL)
    with tarfile.open(next(into.glob("*.tgz"))) as archive:
        return json.load(archive.extractfile("package/data.json"))


def features(tree: dict, path: list):
    """Every feature below `tree`, depth first."""
    for name, below in tree.items():
        if name == "__compat":
            yield {"path": ".".join(path), "area": path[0], "depth": len(path), **below}
        elif isinstance(below, dict):
            yield from features(below, [*path, name])


def films() -> list:
    """The films, joined from the two tables."""
    file = pathlib.Path(tempfile.mkdtemp()) / "movies.db"
    file.write_bytes(pip_package(SAMPLE_DATA).read("bokeh_sampledata/_data/movies.db"))
    query = """SELECT o.imdbID, o.Title, o.Year, o.Runtime, o.Released, o.Genre, o.Director,
        o.Writer, o."Cast", o.Language, o.Country, o.Awards, o.Oscars, o.Metacritic, t.Meter,
        t.Rating, t.Reviews, t.BoxOffice, t.Production
        FROM omdb o JOIN tomatoes t ON o.ID = t.ID ORDER BY o.imdbID, o.ID"""
    return [film(row) for row in sqlite3.connect(file).execute(query)]


def film(row: tuple) -> dict:
    """A film: what is known of it."""
    (imdb, title, year, runtime, released, genre, director, writer, cast, language, country, awards,
     oscars, metacritic, meter, rating, reviews, gross, production) = row
    return known({
        "id": imdb, "title": title, "year": year, "minutes": runtime, "released": released,
        "genres": split(genre), "directors": split(director), "writers": split(writer),
        "cast": split(cast), "languages": split(language), "countries": split(country),
        "producers": split(production),
        "awards": known({"text": awards, "oscars": oscars}),
        "reception": known({"metacritic": metacritic, "meter": meter, "rating": rating,
                            "reviews": reviews}),
        "gross_usd": gross,
    })


def split(text) -> list:
    """A list that was kept as one string."""
    return text.split(", ") if text else []


def known(fields: dict) -> dict:
    """Without what is empty."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def main() -> None:
    """Writes both files."""
    data = browser_data()
    found = [f for area in AREAS for f in features(data[area], [area])]
    found += list(features(data["api"], ["api"]))[::3]
    write_ndjson("documents/web-features.ndjson.gz", found)
    write_ndjson("documents/films.ndjson.gz", films())


main()
