"""From YAML files to what is desired.

`read.py` is the way in. `yaml_text` makes plain data of a file, `documents` gives it shape, `build` and the
modules beside it turn documents into nouns (for the template: nouns with placeholders in their names), and
`expansion` fills those in for each org. Problems are collected on the way as key paths; only when there are some
does `positions` read a file again to tell line and column.
"""
