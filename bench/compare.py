"""Whether two databases hold the same rows: all columns alike, decimals to 1e-6."""

import math

TOLERANCE = 1e-6
SHOWN = 5


def difference(connection, table, one, other):
    """How `table` of the attached database `one` differs from that of `other`, in words; empty if it does not."""
    columns, expected = (_columns(connection, database, table) for database in (one, other))
    if columns != expected:
        return f"{table}: the columns of {one} are {columns}, those of {other} {expected}"
    exact = [name for name, kind in columns if kind != "DOUBLE"]
    decimals = [name for name, kind in columns if kind == "DOUBLE"]
    # Rounded, all rows but those that lie at a rounding's edge are the same: these are looked at one by one.
    rows = f"select {', '.join([*exact, *(f'round({name}, 6) as {name}' for name in decimals)])} from"
    surplus, lacking = (
        connection.execute(f"{rows} {a}.main.{table} except all {rows} {b}.main.{table} order by all limit 100000").fetchall()
        for a, b in ((one, other), (other, one))
    )
    pairs = zip(surplus, lacking, strict=False)
    if len(surplus) == len(lacking) and all(_same(row, wanted, len(exact)) for row, wanted in pairs):
        return ""
    return "\n".join(
        [f"{table}: {len(surplus)} rows of {one} differ from {len(lacking)} of {other}"]
        + [f"  {one}: {row}" for row in surplus[:SHOWN]]
        + [f"  {other}: {row}" for row in lacking[:SHOWN]]
    )


def _columns(connection, database, table):
    return connection.execute(
        "select column_name, data_type from duckdb_columns() where database_name = ? and table_name = ? order by 1",
        [database, table],
    ).fetchall()


def _same(row, wanted, exact):
    return row[:exact] == wanted[:exact] and all(
        (a is None and b is None) or (a is not None and b is not None and math.isclose(a, b, rel_tol=0, abs_tol=2 * TOLERANCE))
        for a, b in zip(row[exact:], wanted[exact:], strict=True)
    )
