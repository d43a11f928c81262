"""The embedded PostHog: it captures events over HTTP, stores them in ClickHouse, and runs HogQL.

Begin in `app.py` for the endpoints, in `capture/` for the way of an event, in `query_runner.py` for that of a query.
It may import `library`, `render`, `plan` and `core`. Its folders go one way: `imports`, `insights` and `tracker` stand
on `capture`, that on `database`, and that on `event_log`, `hogql` and `http`.
"""
