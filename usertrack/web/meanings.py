"""Meanings of the words of /activity: rows of docs/glossary.md, word for word."""

MEANINGS = {
    "DAU, WAU, MAU": "Distinct persons with an event on one day, and in the 7 and the 30 days that end with that day.",
    "average day": "The mean of DAU over the full days of a range. DAU alone is that of the last full day.",
    "stickiness": "The number of days (or weeks, months) of a range on which a person was active. For everybody, DAU ÷ "
    "MAU.",
    "lifecycle": "The state of a person in a bucket: new, returning, resurrected (back after a gap) or dormant (gone "
    "since).",
    "churned": "A person who was active in one period, and not in the next one of the same length. `usertrack churn` "
    "counts people who were silent for 30 days, unless `--gone` says otherwise.",
    "lifetime": "The time from a person's first event to the one after which they were silent for 30 days. Half of all "
    "people stay no longer than the median. Where most come for one day, the median is 0.",
    "session": "Events with the same `$session_id`; the product's SDK begins a new one after 30 minutes of silence.",
    "journey": "The pages or events of a person without a pause of 30 minutes between them, across sessions.",
    "bounce": "A session with at most one pageview, shorter than 10 seconds, without a click or the like.",
    "engagement score": "100 × the mean of four shares: DAU ÷ MAU, people of a day seen again within 7 days, sessions "
    "that did not bounce, sessions of 2 minutes or more.",
    "retention": "The share of a retention cohort that came back in a later bucket.",
    "conversion window": "The longest time between the first and the last step of a funnel; 14 days unless said.",
}
