"""The codes of rules: of those that can be allowed where they are broken, and of those that make a spec invalid.

Apart from the rules, because every command reads specs, and only one needs the rules.
"""

from typing import Final

MISSING_DEAD_LETTER_EXCHANGE: Final = "PT101"
"""An error of the spec, unless it is allowed."""

NEVER_ALLOWED: Final = frozenset({"PT010", "PT011"})
"""What RabbitMQ itself refuses, whatever the reason."""

CODES: Final = frozenset(
    {
        *("PT001", "PT101", "PT102", "PT103", "PT104", "PT105", "PT106", "PT107", "PT108", "PT201", "PT202"),
        *("PT203", "PT204", "PT301", "PT302", "PT303", "PT304", "PT305", "PT401", "PT402", "PT403", "PT404"),
    }
)
