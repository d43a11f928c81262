"""The questions of product analytics, a folder each: `numbers` computes, `view` makes the document.

Where a question has many columns, `export` declares them and makes its JSON. Begin in `scope.py` for what all share,
and in `funnel/` for a question. A question imports `engine` and what lies below, and no other question; but
`activity` sums up, and `journeys` may end in a funnel.
"""
