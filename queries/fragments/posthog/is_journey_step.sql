-- title: Whether an event is a journey's step
-- about: >
--   Views of pages and screens or, without `pages`, events that somebody named; and those called `start` and `goal`.
-- params:
--   pages: true
--   start: {type: text, default: ""}
--   goal: {type: text, default: ""}
(if({pages}, event IN ('$pageview', '$screen'), NOT startsWith(event, '$')) OR event IN ({start}, {goal}))
