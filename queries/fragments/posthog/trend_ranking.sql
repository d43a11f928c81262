-- title: The ranking of a trend's breakdown
-- about: >
--   An array of every `value` that there is, with the largest `number` first.
arrayMap(pair -> pair.2, arraySort(groupArrayIf(tuple(-ifNull(number, 0), value), value != '')))
