"""Where the names in a document lead: nowhere, unless the page that shows it has an address for them."""


class Links:
    """Addresses of what a document names; empty for none. A page that has some overrides these.

    Names come from strangers: an address quotes them.
    """

    def segment(self, id_: str) -> str:
        """Of a segment, by its id."""
        return ""

    def person(self, key: str) -> str:
        """Of a person, by their key, such as an e-mail."""
        return ""

    def path(self, step: int, source: str, target: str) -> str:
        """Of those who went from ``source``, the stop of a `Flow` at ``step`` (the first is 1), on to ``target``."""
        return ""
