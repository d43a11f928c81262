"""The questions of product analytics, a folder each: `numbers` computes, `view` shows, `export` writes rows."""
