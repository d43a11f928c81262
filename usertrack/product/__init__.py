"""The questions of product analytics, a folder each: `numbers` computes, `view` makes the document.

Where a question has many columns, `export` declares them and makes its JSON.
"""
