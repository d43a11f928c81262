"""Pages that people look at in a browser: `usertrack open`.

Begin in `app.py` for the gate and the routes, and in `pages/` for a module per page.
It may import all areas but `cli`; only commands import it. What a page shows is computed below, in the area that asks.
"""
