-- title: The number of a trend
-- about: >
--   Of the rows of `trend_events` that come together: how many (`total`), of how many persons (`dau`) or sessions
--   (`unique_session`; events without one count as one), or of their `figure` the `sum`, `avg`, `min`, `max`, or else the
--   `quantile`, between two values where it falls between them. NULL where no event has a figure. `if` of a constant leaves
--   out what is not asked for.
-- params: {math: total, quantile: 0.5}
if(
    {math} = 'total',
    toFloat(count()),
    if(
        {math} = 'dau',
        toFloat(uniqExact(person_id)),
        if(
            {math} = 'unique_session',
            toFloat(uniqExact(session_name)),
            if(
                {math} = 'sum',
                sum(figure),
                if(
                    {math} = 'avg',
                    avg(figure),
                    if(
                        {math} = 'min',
                        min(figure),
                        if(
                            {math} = 'max',
                            max(figure),
                            arrayMap(
                                v -> if(
                                    empty(v),
                                    NULL,
                                    v[toInt(floor(1 + (length(v) - 1) * {quantile}))]
                                    + (v[toInt(ceil(1 + (length(v) - 1) * {quantile}))] - v[toInt(floor(1 + (length(v) - 1) * {quantile}))])
                                    * ((length(v) - 1) * {quantile} - floor((length(v) - 1) * {quantile}))
                                ),
                                [arraySort(groupArray(figure))]
                            )[1]
                        )
                    )
                )
            )
        )
    )
)
