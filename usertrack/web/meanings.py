"""Meanings of the words of /activity: rows of docs/glossary.md, word for word."""

MEANINGS = {
    "DAU, WAU, MAU": "Distinct persons with an event on one day, and in the 7 and the 30 days that end with that day.",
    "average day": "The mean of DAU over the full days of a range. DAU by itself is that of the last full day.",
    "stickiness": "On how many days (or weeks, months) of a range a person was active; of everybody, DAU ÷ MAU.",
    "lifecycle": "Whether a person of a bucket is new, returning, resurrected (back after a gap) or dormant (gone "
    "since).",
    "churned": "Active in one period, and not in the next one of the same length. For `usertrack churn`: silent for "
    "30 days, unless `--gone` says otherwise.",
    "lifetime": "From the day of somebody's first event to the one after which they were silent for 30 days. Half of "
    "all who began stay no longer than the median; where most come for one day, it is 0.",
    "session": "Events with the same `$session_id`; the product's SDK begins a new one after 30 minutes of silence.",
    "journey": "The pages, or events, of a person without a pause of 30 minutes between them, whatever their session.",
    "bounce": "A session with one pageview at the most, shorter than 10 seconds, without a click and the like.",
    "engagement score": "100 × the mean of four shares: DAU ÷ MAU, people of a day seen again within 7 days, sessions "
    "that did not bounce, sessions of 2 minutes or more.",
    "retention": "The share of a retention cohort that came back in a later bucket.",
    "conversion window": "How long after the first step of a funnel the last one may come; 14 days unless said.",
}
