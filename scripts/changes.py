"""What two manifests of the project tell of a change: public columns, and what a full refresh has to compute anew."""

DATA = ("model", "seed", "source")


def nodes_of(manifest):
    """Models, seeds and sources by unique id."""
    nodes = {**manifest["nodes"], **manifest["sources"]}
    return {key: node for key, node in nodes.items() if node["resource_type"] in DATA}


def name_of(node):
    """What `--select` calls it."""
    if node["resource_type"] == "source":
        return f"source:{node['source_name']}.{node['name']}"
    is_older = node.get("version") and node["version"] != node["latest_version"]
    return f"{node['name']}.v{node['version']}" if is_older else node["name"]


def materialized(node):
    return node.get("config", {}).get("materialized")


def quoted(names):
    return ", ".join(f"`{name}`" for name in names)


def public_tables(manifest):
    """Models that others may read, by the name that their table has."""
    return {node["alias"]: node for node in manifest["nodes"].values() if node.get("access") == "public"}


def key_columns(manifest, unique_id):
    """The columns of its `primary_key` test; none without one."""
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if node.get("attached_node") == unique_id and test.get("name") == "primary_key":
            return test["kwargs"]["columns"]
    return None


def column_changes(base, head):
    """(table, column, what changed) of public tables, in the order of their names; column is none for a whole table."""
    before, after = public_tables(base), public_tables(head)
    found = [(table, None, "the table is no longer public") for table in before.keys() - after.keys()]
    for table in after:
        if table not in before:
            found.append((table, None, f"new table of {len(after[table]['columns'])} columns"))
            continue
        old, new = before[table]["columns"], after[table]["columns"]
        found += [(table, column, "removed") for column in old if column not in new]
        for column, facts in new.items():
            now = _type(facts)
            if column not in old:
                found.append((table, column, f"added, {now}"))
            elif _type(old[column]) != now:
                found.append((table, column, f"type changed from {_type(old[column])} to {now}"))
            elif old[column]["description"] != facts["description"]:
                found.append((table, column, "description changed"))
    return sorted(found, key=lambda change: change[0])


def _type(column):
    return (column["data_type"] or "no type").lower()


class FullRefresh:
    """
    Which incremental models hold rows that another SQL would have computed.

    `models`: unique ids with the reason, in the order of the graph. `select`: what `dbt build --full-refresh --select`
    has to name to compute them anew. Stored rows come from a model's SQL and from that of everything above it; so each
    incremental model that changed, or that stands below something that did, is one of them.
    """

    def __init__(self, base, head, modified):
        self.base, self.head = base, head
        self.nodes = nodes_of(head)
        self.old = nodes_of(base)
        self.below = {key: set() for key in self.nodes}
        for key, node in self.nodes.items():
            for parent in node.get("depends_on", {}).get("nodes", []):
                self.below.get(parent, set()).add(key)
        self.unseen_macros = unseen_macros(base, head)
        self.changed = [key for key in self.nodes if key in modified and not self.takes_effect_by_itself(key)]
        if self.unseen_macros:
            self.changed += [key for key in self.nodes if self._is_stored(key) and key not in self.changed]
        reached = {key: {key} | self._all_below(key) for key in self.changed}
        stored = {key for below in reached.values() for key in below if self._is_stored(key)}
        leading = [key for key in self.changed if reached[key] & stored]
        first = [key for key in leading if not any(key in reached[other] - {other} for other in leading)]
        self.select = [f"{name_of(self.nodes[key])}+" for key in first]
        self.models = {key: self._reason(key, reached) for key in self._in_order(stored)}

    def _is_stored(self, key):
        """Whether main has a table of it that a build adds to."""
        node, old = self.nodes[key], self.old.get(key)
        return materialized(node) == "incremental" and old and materialized(old) in ("incremental", "table")

    def takes_effect_by_itself(self, key):
        """A seed that models compare with what it was, if all that keeps rows below it follows them."""
        if self.nodes[key]["resource_type"] != "seed" or key not in self.old:
            return False
        comparing = {child for child in self.below[key] if self._is_stored(child) and self._compares_seeds(child)}
        follows = comparing.union(*map(self._all_below, comparing))
        return bool(comparing) and all(other in follows for other in self._all_below(key) if self._is_stored(other))

    def _compares_seeds(self, key):
        return any(_name(macro) == "follows_reference_data" for macro in _macros_of(self.nodes[key]))

    def _all_below(self, key):
        found, left = set(), [key]
        while left:
            new = self.below[left.pop()] - found
            found |= new
            left += new
        return found

    def _in_order(self, keys):
        """Each after all that it reads."""
        return sorted(keys, key=lambda key: (-len(self._all_below(key) & keys), name_of(self.nodes[key])))

    def _reason(self, key, reached):
        if key in self.changed:
            return self.what_changed(key) or f"macro {quoted(self.unseen_macros)} changed"
        sources = [name_of(self.nodes[other]) for other in self.changed if key in reached[other]]
        return f"reads from {quoted(sources)}"

    def what_changed(self, key):
        """Why a modified model, seed or source is one, in words; empty if nothing of it changed."""
        node, old = self.nodes[key], self.old.get(key)
        if old is None:
            return "new"
        reasons = []
        if node.get("checksum") != old.get("checksum"):
            reasons.append("rows" if node["resource_type"] == "seed" else "SQL")
        configs = node["unrendered_config"], old["unrendered_config"]
        names = [name for name in configs[0].keys() | configs[1].keys() if configs[0].get(name) != configs[1].get(name)]
        reasons += [f"config {name}" for name in sorted(names)]
        contracts = [one.get("contract", {}).get("checksum") for one in (node, old)]
        reasons += ["columns"] if contracts[0] != contracts[1] else []
        used = _macros_below(self.head, node.get("depends_on", {}).get("macros", []))
        reasons += [f"macro `{_name(macro)}`" for macro in sorted(used & changed_macros(self.base, self.head))]
        return f"{', '.join(reasons)} changed" if reasons else ""


def changed_macros(base, head):
    """Macros of the project that are new or say something else."""
    return {
        key
        for key, macro in head["macros"].items()
        if key.split(".")[1] == head["metadata"]["project_name"]
        and macro["macro_sql"] != base["macros"].get(key, {}).get("macro_sql")
    }


def unseen_macros(base, head):
    """
    Names of changed macros, or ones gone, that no model or test names: dbt calls them itself, as a strategy or when a
    run starts, and its `state:modified` does not see them. Those of other engines do not count.
    """
    project, engine = head["metadata"]["project_name"], head["metadata"]["adapter_type"]
    gone = {key for key in base["macros"].keys() - head["macros"].keys() if key.split(".")[1] == project}
    seen = set()
    for manifest in (base, head):
        users = [*manifest["nodes"].values(), *manifest.get("unit_tests", {}).values()]
        named = [key for node in users if node["resource_type"] != "operation" for key in _macros_of(node)]
        seen |= _macros_below(manifest, named)
    unseen = {_name(key) for key in (changed_macros(base, head) | gone) - seen}
    return sorted(name for name in unseen if "__" not in name or name.split("__")[0] in (engine, "default"))


def _macros_of(node):
    return node.get("depends_on", {}).get("macros", [])


def _macros_below(manifest, keys):
    """The macros, and those that they call."""
    found, left = set(), list(keys)
    while left:
        key = left.pop()
        if key not in found and key in manifest["macros"]:
            found.add(key)
            left += _macros_of(manifest["macros"][key])
    return found


def _name(key):
    return key.split(".")[-1]
