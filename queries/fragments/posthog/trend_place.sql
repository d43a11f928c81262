-- title: The place of a value of a trend's breakdown
-- about: >
--   Needs `value` and `ranked_values`: from 1, as `group_columns` has it: the values that are not among the first `top` come after
--   these, and then what has no value.
-- params: {grouped: false, top: 5}
if(
    NOT {grouped},
    1,
    if(value = '', {top} + 2, if(has(arraySlice(ranked_values, 1, {top}), value), indexOf(ranked_values, value), {top} + 1))
)
