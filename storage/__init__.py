"""All that is remembered: records, tables, queries, migrations."""
