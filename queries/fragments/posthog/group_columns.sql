-- title: The columns of a group
-- about: >
--   Needs the `place` and the `value` of its group, with what has no value in the last place. The first `top` have their value,
--   all others are one group after them, and, where the question is `grouped`, what has no value is one for itself.
-- params: {top: 5, grouped: false}
if(place <= {top}, value, NULL) AS group_value,
if({grouped} AND isNull(value), {top} + 2, least(place, {top} + 1)) AS group_rank
