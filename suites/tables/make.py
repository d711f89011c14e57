"""Writes the tables beside this file, as pandas and Arrow write them.

    python make.py            # needs pandas 3 and pyarrow 26

`measures.parquet`: 40 rows of four measures, one of them with a missing number, an integer, a text
and a label; `vectors.parquet`: the same measures as lists of one column.
"""

import pathlib

import numpy
import pandas

HERE = pathlib.Path(__file__).parent
ROWS = 40


def main():
    at = numpy.arange(ROWS)
    measures = pandas.DataFrame({
        "length": at / 8.0,
        "width": (at % 7 - 3).astype("float32"),
        "count": at * 3,
        "is_new": at % 2 == 0,
        "name": [f"row {i}" for i in at],
        "label": at % 3,
    })
    measures.loc[5, "length"] = numpy.nan
    measures.to_parquet(HERE / "measures.parquet", index=False)
    rows = measures[["length", "width", "count", "is_new"]].astype("float32").to_numpy()
    vectors = pandas.DataFrame({"x": list(rows), "labels": measures["label"]})
    vectors.to_parquet(HERE / "vectors.parquet", index=False)


if __name__ == "__main__":
    main()
