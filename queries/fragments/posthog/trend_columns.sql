-- title: The columns of a trend
-- about: >
--   Needs the `group_rank` of a group, `any_value` of it, its `number`, and `place_of_period`: from 1, 0 is the whole time.
-- params: {top: 5}
if(group_rank > {top}, NULL, nullIf(any_value, '')) AS group_value,
group_rank,
nullIf(place_of_period, 0) - 1 AS period,
number,
length(ranked_values) AS group_values
