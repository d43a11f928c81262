-- title: The line that says what happened
-- about: >
--   Needs `r`, the run: the last line of a traceback in its error, the first of anything else.
split_part(btrim(r.error, E' \n'), chr(10), CASE WHEN r.error LIKE 'Traceback%' THEN -1 ELSE 1 END)
