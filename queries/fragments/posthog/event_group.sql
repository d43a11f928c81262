-- title: The group of an event
-- about: >
--   The value of the breakdown, which `group_of` says as an expression; empty values are none.
-- params:
--   group_of: {type: condition, default: "''"}
nullIf(toString({group_of}), '')
