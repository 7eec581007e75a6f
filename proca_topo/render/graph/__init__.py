"""A topology drawn: `model` is what is drawn, `mermaid` and `dot` are texts of it, `html` is a page."""
