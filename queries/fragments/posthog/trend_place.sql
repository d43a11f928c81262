-- title: The place of a value of a trend's breakdown
-- about: >
--   Needs `value` and `ranked_values`: from 1; all that are not among the first `top` have the one after these, and what has no value the
--   next.
-- params: {grouping: none, top: 5}
if(
    {grouping} = 'none',
    1,
    if(value = '', {top} + 2, if(has(arraySlice(ranked_values, 1, {top}), value), indexOf(ranked_values, value), {top} + 1))
)
