-- What each visitor does, as events: who, when, what, in which session, on which page, and `more` JSON members of the event's own.
CREATE TABLE world.pages (visitor UInt64, k UInt32, j UInt8, last UInt8, at DateTime64(3, 'UTC'), pace UInt32, session String, distinct_id String, path String, persona String, slot UInt8) ENGINE = Memory;
CREATE TABLE world.acts (visitor UInt64, event LowCardinality(String), at DateTime64(3, 'UTC'), session String, distinct_id String, path String, more String) ENGINE = Memory;

INSERT INTO world.pages
SELECT visitor, k, j, j + 1 = pages, started + toIntervalMillisecond(toInt64(pace * (j + if(j = 0, 0, unit((visitor, k, j), 'dwell') * 0.8)))) AS at, pace, session,
    if(slot < 3 AND at >= opened AND distinct_id != '', distinct_id, device),
    multiIf(slot > 2, pick(public_pages(), unit((visitor, k, j), 'page')), k = 0, ['/', '/pricing', '/signup', '/onboarding', '/dashboard', '/mcp-servers', '/workflows/new'][j + 1],
        k >= 1000 AND j > 0, pick(trouble_pages(), unit((visitor, j), 'page')), j = 0, '/dashboard', pick(app_pages(), unit((visitor, k, j), 'page'))), persona, slot
FROM world.visits ARRAY JOIN range(pages) AS j
WHERE seen;

INSERT INTO world.acts
SELECT visitor, '$pageview', at, session, distinct_id, path, '' FROM world.pages;

INSERT INTO world.acts
SELECT visitor, '$pageleave', at + toIntervalMillisecond(toUInt32(pace * 0.7)), session, distinct_id, path,
    concat(',"$prev_pageview_duration":', toString(round(pace * 0.0007, 1))) FROM world.pages WHERE last AND unit((visitor, k), 'leave') < 0.7;

INSERT INTO world.acts
SELECT visitor, '$autocapture', at + toIntervalMillisecond(toUInt32(pace * 0.3)), session, distinct_id, path,
    concat(',"$event_type":"click"', member('$el_text', pick(['Continue', 'Save', 'Run', 'Connect', 'Copy', 'Next'], unit((visitor, k, j), 'button'))))
FROM world.pages WHERE unit((visitor, k, j), 'click') < if(slot > 2, 0.15, 0.25);

-- anger: on the pages that give trouble in the last days, and now and then anywhere
INSERT INTO world.acts
SELECT visitor, '$rageclick', at + toIntervalMillisecond(toUInt32(pace * (0.2 + 0.1 * i))), session, distinct_id, path, ',"$event_type":"click"'
FROM world.pages ARRAY JOIN range(if(k >= 1000, between(0, 2, unit((visitor, k, j), 'rage')), unit((visitor, k, j), 'rage') < 0.0012)) AS i;

INSERT INTO world.acts
WITH pick(exceptions(), unit((visitor, k, if(k >= 1000, 0, j)), 'exception')) AS e
SELECT visitor, '$exception', at + toIntervalMillisecond(toUInt32(pace * 0.25)), session, distinct_id, path,
    concat(member('$exception_message', e.2), member('$exception_type', e.1), ',"$exception_level":"error","$exception_list":[{"type":', toJSONString(e.1), ',"value":', toJSONString(e.2),
        ',"mechanism":{"type":"onunhandledrejection","handled":false}}]')
FROM world.pages WHERE unit((visitor, k, j), 'exception') < if(k >= 1000, 0.4, 0.0015);

-- evaluators click "connect", some days after each other; a few others too
INSERT INTO world.acts
WITH pick(servers(), unit((visitor, click.1), 'server')) AS server
SELECT visitor, 'mcp_connect_clicked', click.2.1 + toIntervalSecond(30 + click.1 * 7), click.2.2, distinct_id, '/mcp-servers',
    concat(member('template_name', server.1), member('template_id', server.2), ',"has_oauth":', server.3)
FROM (
    SELECT visitor, distinct_id, persona, arraySort(groupArray((started, session))) AS sessions
    FROM world.visits WHERE seen AND slot = 0 AND k BETWEEN 1 AND 999 GROUP BY ALL
) AS returning JOIN world.personas USING (persona)
ARRAY JOIN arrayMap(i -> (i, sessions[1 + (i * 7919 + visitor) % length(sessions)]),
    range(between(clicks.1, clicks.2, pow(unit(visitor, 'clicks'), 1.4)))) AS click;

INSERT INTO world.acts
SELECT visitor, 'mcp_connect_clicked', at + toIntervalSecond(4), session, distinct_id, path, concat(member('template_name', (pick(servers(), unit(visitor, 'server')) AS server).1),
    member('template_id', server.2), ',"has_oauth":', server.3)
FROM world.pages WHERE slot > 2 AND path IN ('/integrations', '/templates') AND unit((visitor, k, j), 'curious') < 0.15;

INSERT INTO world.acts
SELECT visitor, 'mcp_url_copied', at + toIntervalSecond(9), session, distinct_id, path, ''
FROM world.acts WHERE event = 'mcp_connect_clicked' AND distinct_id != '' AND unit((visitor, at), 'copies') < 0.35;

-- signing up, and the steps after it; each is taken by fewer
INSERT INTO world.acts
SELECT visitor, 'user_signed_up', opened, session, distinct_id, '/signup', concat(member('method', pick(['google', 'google', 'github', 'email'], unit(visitor, 'method'))), '') FROM world.visits WHERE seen AND slot = 0 AND k = 0
UNION ALL
SELECT visitor, '$identify', opened + toIntervalMillisecond(40), session, distinct_id, '/signup', member('$anon_distinct_id', device) FROM world.visits WHERE seen AND slot = 0 AND k = 0
UNION ALL
SELECT visitor, 'user_signed_up', opened, '', distinct_id, '', ',"method":"cli"' FROM world.visitors WHERE seen AND persona = 'api';

INSERT INTO world.acts
WITH toUInt32(arraySum(i -> pow(unit((visitor, i), 'step'), 6) * 90000 + 20, range(step.2))) AS seconds
SELECT visitor, step.1, opened + toIntervalSecond(seconds), if(seconds < 1200, session, ''), distinct_id, '/onboarding', ''
FROM world.visits ARRAY JOIN [('onboarding_started', 1, 0.94), ('workspace_created', 2, 0.8), ('first_item_created', 3, 0.6), ('onboarding_completed', 4, 0.45)] AS step
WHERE seen AND slot = 0 AND k = 0 AND unit(visitor, 'perseveres') < step.3 AND (persona != 'never_activated' OR step.2 < 3);

INSERT INTO world.acts
WITH pick(features(), pow(unit((visitor, k, j), 'feature'), 1.3)) AS feature
SELECT visitor, 'feature_used', at + toIntervalMillisecond(toUInt32(pace * 0.5)), session, distinct_id, path,
    concat(member('feature', feature.1), member('category', feature.2), ',"duration":', toString(round(1 + pow(unit((visitor, k, j), 'uses'), 3) * 240, 1)))
FROM world.pages WHERE slot < 2 AND k > 0 AND persona NOT IN ('reader', 'evaluator', 'never_activated') AND unit((visitor, k, j), 'feature?') < 0.3;

-- from the server's SDK: no session, no page
INSERT INTO world.acts
SELECT visitor, 'run_completed', assumeNotNull(finished_at), '', distinct_id, '', concat(member('run_state', state), ',"duration_ms":', toString(ms))
FROM world.runs JOIN world.visitors ON visitors.visitor = 8 * toUInt64(runs.n) WHERE seen AND state IN ('completed', 'failed');

INSERT INTO world.acts
SELECT visitor, 'api_call_made', created_at, '', distinct_id, '', concat(member('tool', tool.1), ',"duration_ms":', toString(ms))
FROM world.tool_calls JOIN world.visitors ON visitors.visitor = 8 * toUInt64(tool_calls.n) WHERE seen AND standalone = 1 AND persona = 'api';

-- JSON is wide while it is being made, so in small blocks
INSERT INTO posthog.events (uuid, event, properties, timestamp, distinct_id, person_id, created_at, elements_chain, person_mode, `$session_id`, `$window_id`, `$group_0`)
WITH if(session = '', concat('{"$lib":"posthog-python","$is_server":true', more, '}'),
    concat('{"$lib":"web","$host":"datagen.dev"', member('$pathname', path), member('$current_url', concat('https://datagen.dev', path)), member('$session_id', session),
        member('$referring_domain', if(session_no = 0, origin.domain, '$direct') AS domain), member('$referrer', if(domain = '$direct', domain, concat('https://', domain, '/'))),
        if(session_no = 0, concat(member('utm_source', origin.source), member('utm_medium', origin.medium), member('utm_campaign', origin.campaign)), ''),
        member('$geoip_country_code', country), member('$browser', device_kind.browser), member('$os', device_kind.os), member('$device_type', device_kind.type), more, '}')) AS properties
SELECT uuid_of((visitor, event, at, more, session), path), event, properties, at, acts.distinct_id, person_id, least(as_of(), at + toIntervalMillisecond(900)),
    if(event IN ('$autocapture', '$rageclick'), 'button:nth-child="1"nth-of-type="1"', ''), 'full', session, session, if(slot < 2, organization_of(email), '')
FROM world.acts JOIN world.visitors USING (visitor) LEFT JOIN (SELECT visitor, session, k AS session_no FROM world.visits) AS visits USING (visitor, session)
WHERE at <= as_of()
SETTINGS max_block_size = 8192, max_joined_block_size_rows = 8192, min_insert_block_size_rows = 150000;
