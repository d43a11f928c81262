-- title: The columns of a group
-- about: >
--   Needs the `place` and the `value` of its group: the first `top` have their value, all others are one group after them.
-- params: {top: 5}
if(place <= {top}, value, NULL) AS group_value,
least(place, {top} + 1) AS group_rank
