"""Plans and reports in words: text, JSON, Markdown. Pure: nothing here prints or reads."""
