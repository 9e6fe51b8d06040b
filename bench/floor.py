"""The floor: all public models by one hand-written DuckDB script, to measure the project's build against."""

import sys, time
import duckdb
from pathlib import Path
SQL = Path(__file__).with_name("floor.sql")

def statements():
    return duckdb.extract_statements(SQL.read_text())

def main(lake, database):
    import os
    c = duckdb.connect(database)
    c.execute("set threads=2; set memory_limit='3GB'; set TimeZone='UTC'; set preserve_insertion_order=false")
    c.execute("set temp_directory='/tmp/h/x/spill'")
    c.execute("set variable lake = ?", [lake]); c.execute("set variable seeds='/tmp/h/bench/seeds'"); c.execute("set variable as_of=null")
    t00=time.time(); cpu0=sum(os.times()[:2])
    for s in statements():
        t=time.time(); u=sum(os.times()[:2])
        c.execute(s)
        w,u=time.time()-t, sum(os.times()[:2])-u
        if w>0.02: print(f"{w:6.2f} {u:6.2f}", ' '.join(l for l in s.query.split('\n') if l and not l.startswith('--'))[:70].strip(),flush=True)
    print(f"{time.time()-t00:6.2f} {sum(os.times()[:2])-cpu0:6.2f} total")
    import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1024,'MB')
    return c
if __name__ == "__main__":
    Path(sys.argv[2]).unlink(missing_ok=True)
    main(*sys.argv[1:])
