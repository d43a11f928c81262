-- title: Visits, visitors and pageviews
-- about: >
--   Needs a row per visit: `visit` (its session, '' for none), `visitor` (the person) and `pageviews`.
countIf(visit != '') AS visits,
uniqExact(visitor) AS visitors,
sum(pageviews) AS pageviews
