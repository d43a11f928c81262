"""The table of sessions: one row per ``$session_id`` of events, computed by each query, with only the used columns.

Definitions are PostHog's (sessions_v2): events without a session id are in no session, counts are of distinct event
uuids, ``$entry_*`` is the first value in time and ``$end_*`` the last.
"""

from collections.abc import Mapping
from typing import Any

from usertrack.server.hogql.sql import Type

_STRING, _INT, _TIME = Type("String"), Type("Int", False), Type("DateTime", False)
DEFAULT_BOUNCE_SECONDS = 10  # PostHog's default
_CLICK_IDS = [
    "gclid",
    "gad_source",
    "gclsrc",
    "dclid",
    "gbraid",
    "wbraid",
    "fbclid",
    "msclkid",
    "twclid",
    "li_fat_id",
    "mc_cid",
    "igshid",
    "ttclid",
    "_kx",
    "irclid",
]

_PAGEVIEWS = "uniqExactIf(uuid, event = '$pageview')"
_AUTOCAPTURES = "uniqExactIf(uuid, event = '$autocapture')"
_INTERACTIONS = "uniqUpToIf(1)(uuid, event IN ('$pageview', '$screen', '$autocapture'))"
_DURATION = "dateDiff('second', min(timestamp), max(timestamp))"
_ENTRY_URL, _END_URL = "argMin({$current_url}, timestamp)", "argMax({$current_url}, timestamp)"


def _first(name: str) -> str:
    return f"argMin({{{name}}}, timestamp)"


_SOURCE = f"lower(ifNull({_first('utm_source')}, ''))"
_MEDIUM = f"lower(ifNull({_first('utm_medium')}, ''))"
_DOMAIN = f"lower(ifNull({_first('$referring_domain')}, '$direct'))"
_SEARCH = r"(^|\\.)(google|bing|duckduckgo|yahoo|baidu|yandex|ecosia|brave|qwant|startpage)(\\.|$)"
_SOCIAL = r"(^|\\.)(facebook|instagram|twitter|x|t|linkedin|lnkd|reddit|pinterest|tiktok|threads|bsky)(\\.|$)"
_VIDEO = r"(^|\\.)(youtube|youtu|vimeo|twitch|dailymotion)(\\.|$)"
_PAID = r"^(.*cp.*|ppc|retargeting|paid.*)$"
_FROM = f"if({_SOURCE} != '', {_SOURCE}, {_DOMAIN})"
_IS_PAID = f"(match({_MEDIUM}, '{_PAID}') OR {_first('gclid')} IS NOT NULL OR {_first('gad_source')} IS NOT NULL)"
CHANNEL_TYPE = f"""multiIf(
    lower(ifNull({_first("utm_campaign")}, '')) = 'cross-network', 'Cross Network',
    {_IS_PAID} AND (match({_FROM}, '{_SEARCH}') OR {_first("gclid")} IS NOT NULL), 'Paid Search',
    {_IS_PAID} AND match({_FROM}, '{_SOCIAL}'), 'Paid Social',
    {_IS_PAID} AND match({_FROM}, '{_VIDEO}'), 'Paid Video',
    {_IS_PAID}, 'Paid Unknown',
    {_DOMAIN} = '$direct' AND {_SOURCE} = '' AND {_MEDIUM} = '', 'Direct',
    match({_MEDIUM}, '^e-?mail$') OR {_SOURCE} = 'email', 'Email',
    {_MEDIUM} IN ('affiliate', 'affiliates'), 'Affiliate',
    match({_FROM}, '{_SEARCH}'), 'Organic Search',
    match({_FROM}, '{_SOCIAL}') OR {_MEDIUM} = 'social', 'Organic Social',
    match({_FROM}, '{_VIDEO}'), 'Organic Video',
    {_DOMAIN} != '$direct' OR {_MEDIUM} = 'referral', 'Referral',
    'Unknown')"""

# name: (SQL over events of one session, type); {x} is the event property x as text
SESSION_COLUMNS: dict[str, tuple[str, Type]] = {
    "session_id": ("`$session_id`", Type("String", False)),
    "id": ("`$session_id`", Type("String", False)),
    "distinct_id": ("argMax(distinct_id, timestamp)", Type("String", False)),
    "$start_timestamp": ("min(timestamp)", _TIME),
    "$end_timestamp": ("max(timestamp)", _TIME),
    "max_inserted_at": ("max(created_at)", _TIME),
    "$urls": ("groupUniqArray({$current_url})", Type("Array", False)),
    "$num_uniq_urls": ("uniqExact({$current_url})", _INT),
    "$entry_current_url": (_ENTRY_URL, _STRING),
    "$entry_pathname": (f"path({_ENTRY_URL})", _STRING),
    "$entry_hostname": (f"domain({_ENTRY_URL})", _STRING),
    "$end_current_url": (_END_URL, _STRING),
    "$end_pathname": (f"path({_END_URL})", _STRING),
    "$end_hostname": (f"domain({_END_URL})", _STRING),
    "$exit_current_url": (_END_URL, _STRING),
    "$exit_pathname": (f"path({_END_URL})", _STRING),
    "$entry_referring_domain": (_first("$referring_domain"), _STRING),
    "$entry_referrer": (_first("$referrer"), _STRING),
    **{
        f"$entry_{n}": (_first(n), _STRING)
        for n in map("utm_{}".format, ["source", "campaign", "medium", "term", "content"])
    },
    **{f"$entry_{name}": (_first(name), _STRING) for name in _CLICK_IDS},
    "$pageview_count": (_PAGEVIEWS, _INT),
    "$autocapture_count": (_AUTOCAPTURES, _INT),
    "$screen_count": ("uniqExactIf(uuid, event = '$screen')", _INT),
    "$channel_type": (CHANNEL_TYPE, Type("String", False)),
    "$session_duration": (_DURATION, _INT),
    "duration": (_DURATION, _INT),
    "$is_bounce": ("$is_bounce", Type("Int")),
    "$last_external_click_url": ("argMax({$external_click_url}, timestamp)", _STRING),
    "$page_screen_autocapture_count_up_to": (_INTERACTIONS, _INT),
    "$vitals_lcp": ("toFloat64OrNull(argMin({$web_vitals_LCP_value}, timestamp))", Type("Float")),
}


def session_column(name: str, modifiers: Mapping[str, Any]) -> str:
    """The SQL of one column; a bounce is NULL without a pageview, else no second one, no click and a short stay."""
    if name != "$is_bounce":
        return SESSION_COLUMNS[name][0]
    seconds = modifiers.get("bounceRateDurationSeconds") or DEFAULT_BOUNCE_SECONDS
    long = f"{_DURATION} >= {float(seconds):g}"
    mode = modifiers.get("bounceRatePageViewMode")
    if mode == "uniq_page_screen_autocaptures":
        return f"if({_INTERACTIONS} = 0, NULL, NOT ({_INTERACTIONS} > 1 OR {long}))"
    pages = "uniqExact({$current_url})" if mode == "uniq_urls" else _PAGEVIEWS
    return f"if({pages} = 0, NULL, NOT ({pages} > 1 OR {_AUTOCAPTURES} > 0 OR {long}))"
