-- The vocabulary of the world. Every draw is a hash of (seed, what it is about, what for): no clock, no rand(), so the same
-- parameters give the same world. The parameters seed(), as_of(), users(), days(), quiet(), lo() and hi() are set by build.py.
CREATE DATABASE world;

CREATE FUNCTION unit AS (about, why) -> bitShiftRight(sipHash64(seed(), about, why), 11) / 9007199254740992;
CREATE FUNCTION uuid_of AS (about, why) -> reinterpretAsUUID(sipHash128(seed(), about, why));
CREATE FUNCTION pick AS (list, u) -> list[1 + toUInt32(u * length(list))];
CREATE FUNCTION between AS (low, high, u) -> low + toUInt32(u * (high - low + 1));
CREATE FUNCTION opens AS () -> as_of() - toIntervalDay(days());

-- As PostHog's browser SDK makes session ids: a UUIDv7, whose first 48 bits are the start in milliseconds.
CREATE FUNCTION uuid7 AS (t, about) -> concat(
    substring(leftPad(lower(hex(toUnixTimestamp64Milli(t))), 12, '0') AS clock, 1, 8), '-', substring(clock, 9, 4), '-7',
    substring(lower(hex(sipHash128(seed(), about, 'uuid7'))) AS noise, 1, 3), '-8', substring(noise, 4, 3), '-', substring(noise, 7, 12));

-- Rhythm: people work by their own clock, mostly 8 to 18 h, and seldom at weekends.
CREATE FUNCTION hours AS () -> arrayFlatten(arrayMap((weight, hour) -> arrayWithConstant(weight, hour),
    [0, 0, 0, 0, 0, 0, 1, 3, 9, 14, 15, 13, 8, 11, 14, 14, 12, 9, 5, 3, 3, 3, 2, 1], range(24)));
CREATE FUNCTION workday AS (day, about) -> if(toDayOfWeek(day) > 5 AND unit(about, 'weekend') > 0.3,
    toMonday(day) + toUInt32(unit(about, 'shift') * 5), day);
CREATE FUNCTION moment AS (day, utc_offset, about) -> toDateTime64(day, 3, 'UTC') + toIntervalMillisecond(
    toInt64((pick(hours(), unit(about, 'hour')) + unit(about, 'minute') - utc_offset) * 3600000));
-- A moment on a working day in (opened, closed]; where the rhythm leads outside, any moment inside.
CREATE FUNCTION within AS (opened, closed, utc_offset, about) -> if(
    (moment(workday(toDate(opened + toIntervalMillisecond(toInt64(unit(about, 'day') * dateDiff('ms', opened, closed)))), about), utc_offset, about) AS t)
    > opened AND t <= closed, t, opened + toIntervalMillisecond(1 + toInt64(unit(about, 'day') * (dateDiff('ms', opened, closed) - 1))));

-- The incident: three hours on the weekday nearest to 11 days ago.
CREATE FUNCTION incident_opens AS () -> toDateTime64(toDate(as_of()) - multiIf(
    toDayOfWeek(toDate(as_of()) - 11) = 6, 12, toDayOfWeek(toDate(as_of()) - 11) = 7, 10, 11), 3, 'UTC') + toIntervalHour(13);
CREATE FUNCTION in_incident AS (t) -> quiet() = 0 AND t >= incident_opens() AND t < incident_opens() + toIntervalHour(3);

-- JSON members with a leading comma; nothing at all for an empty value.
CREATE FUNCTION member AS (name, value) -> if(empty(value), '', concat(',"', name, '":', toJSONString(value)));

CREATE FUNCTION first_names AS () -> ['ada', 'aiko', 'amir', 'ana', 'ben', 'bea', 'carl', 'chen', 'clara', 'dan', 'dina', 'elena', 'emil',
    'eva', 'farah', 'felix', 'gita', 'grace', 'hana', 'hugo', 'ines', 'ivan', 'jana', 'jonas', 'kai', 'kim', 'lars', 'leila', 'liam', 'lucy',
    'marc', 'mei', 'mila', 'nadia', 'nils', 'nora', 'oscar', 'paul', 'petra', 'priya', 'quinn', 'rafael', 'rosa', 'ravi', 'sara', 'sofia',
    'tariq', 'tess', 'tom', 'uma', 'victor', 'wei', 'yara', 'yuki', 'zoe'];
CREATE FUNCTION last_names AS () -> ['adler', 'ahmed', 'baker', 'bauer', 'bianchi', 'castro', 'chan', 'costa', 'diaz', 'dubois', 'eriksen',
    'fischer', 'garcia', 'gupta', 'haas', 'hansen', 'ito', 'jensen', 'khan', 'klein', 'kovacs', 'kumar', 'larsen', 'lopez', 'martin', 'meyer',
    'moreau', 'nguyen', 'novak', 'okafor', 'olsen', 'patel', 'perez', 'quist', 'rossi', 'sato', 'schmidt', 'silva', 'singh', 'suzuki',
    'tanaka', 'torres', 'turner', 'ueda', 'vargas', 'visser', 'weber', 'wong', 'yilmaz', 'young', 'zhang'];
CREATE FUNCTION companies AS () -> ['northwind', 'acme', 'globex', 'initech', 'hooli', 'umbra', 'stark-labs', 'wayfarer', 'bluebird',
    'cobalt', 'driftwood', 'evergreen', 'fathom', 'granite', 'harbor', 'ironclad', 'juniper', 'kestrel', 'lumen', 'meridian', 'nimbus',
    'octave', 'pinecone', 'quarry', 'redwood', 'summit', 'tidal', 'upland', 'verdant', 'willow', 'mailbox', 'postbox', 'inbox'];
-- Every n has a name and an e-mail of its own: 55 x 51 x 33 of them, then numbered.
CREATE FUNCTION spread AS (n) -> (toUInt64(n) * 40507 + 12345) % 92565;
CREATE FUNCTION first_of AS (n) -> first_names()[1 + spread(n) % 55];
CREATE FUNCTION last_of AS (n) -> last_names()[1 + intDiv(spread(n), 55) % 51];
CREATE FUNCTION email_of AS (n) -> concat(first_of(n), '.', last_of(n), if(n < 92565, '', toString(intDiv(n, 92565))), '@',
    companies()[1 + intDiv(spread(n), 2805)], '.example');
-- Companies have a team or several; whoever has an address of a mail provider belongs to none.
CREATE FUNCTION organization_of AS (email) -> if(
    has(companies(), splitByString('.example', splitByChar('@', lower(ifNull(email, '')))[2])[1] AS company) AND company NOT IN ('mailbox', 'postbox', 'inbox'),
    concat(company, pick(['', '', '', '-labs', '-sales', '-data', '-ops', '-studio'], unit(lower(ifNull(email, '')), 'team'))), '');
CREATE FUNCTION name_of AS (n) -> concat(initcap(first_of(n)), ' ', initcap(last_of(n)));

-- (country, hours ahead of UTC), repeated as often as they occur
CREATE FUNCTION places AS () -> [('US', -8), ('US', -8), ('US', -5), ('US', -5), ('US', -5), ('US', -6), ('GB', 0), ('GB', 0), ('DE', 1),
    ('DE', 1), ('FR', 1), ('NL', 1), ('IN', 5), ('IN', 5), ('TW', 8), ('JP', 9), ('BR', -3), ('CA', -5), ('AU', 10), ('IL', 2)];
CREATE FUNCTION devices AS () -> [('Chrome', 'Mac OS X', 'Desktop'), ('Chrome', 'Mac OS X', 'Desktop'), ('Chrome', 'Windows', 'Desktop'),
    ('Chrome', 'Windows', 'Desktop'), ('Safari', 'Mac OS X', 'Desktop'), ('Firefox', 'Linux', 'Desktop'), ('Microsoft Edge', 'Windows', 'Desktop'),
    ('Mobile Safari', 'iOS', 'Mobile'), ('Chrome', 'Android', 'Mobile'), ('Safari', 'iOS', 'Tablet')];
-- (referring domain, utm_source, utm_medium, utm_campaign)
CREATE FUNCTION origins AS () -> [('$direct', '', '', ''), ('$direct', '', '', ''), ('$direct', '', '', ''), ('www.google.com', '', '', ''),
    ('www.google.com', '', '', ''), ('www.google.com', 'google', 'cpc', 'mcp-tools'), ('news.ycombinator.com', '', '', ''), ('github.com', '', '', ''),
    ('www.linkedin.com', 'linkedin', 'social', 'founder-posts'), ('chatgpt.com', 'chatgpt.com', '', ''), ('t.co', 'x', 'social', 'launch-week'),
    ('$direct', 'newsletter', 'email', 'product-update')];

CREATE FUNCTION public_pages AS () -> ['/', '/', '/', '/pricing', '/docs', '/docs/quickstart', '/docs/mcp', '/blog/agents-that-finish',
    '/blog/mcp-explained', '/templates', '/templates/gmail', '/integrations'];
CREATE FUNCTION app_pages AS () -> ['/dashboard', '/dashboard', '/workflows', '/workflows/new', '/workflows/editor', '/tools', '/tools/custom',
    '/mcp-servers', '/mcp-servers', '/runs', '/runs', '/agents', '/settings', '/billing', '/docs/mcp'];
CREATE FUNCTION trouble_pages AS () -> ['/mcp-servers/gmail/callback', '/mcp-servers/gmail/callback', '/workflows/editor', '/workflows/editor', '/billing'];
CREATE FUNCTION exceptions AS () -> [('TypeError', 'Cannot read properties of undefined (reading ''toolId'')'), ('ChunkLoadError', 'Loading chunk 4812 failed'),
    ('Error', 'OAuth state mismatch for provider gmail'), ('TypeError', 'Failed to fetch'), ('RangeError', 'Maximum call stack size exceeded'),
    ('SyntaxError', 'Unexpected token < in JSON at position 0')];
-- (template_name, template_id, has_oauth)
CREATE FUNCTION servers AS () -> [('Gmail', 'tpl_gmail', 'true'), ('Gmail', 'tpl_gmail', 'true'), ('Slack', 'tpl_slack', 'true'), ('Slack', 'tpl_slack', 'true'),
    ('Linear', 'tpl_linear', 'true'), ('Notion', 'tpl_notion', 'true'), ('HubSpot', 'tpl_hubspot', 'true'), ('GitHub', 'tpl_github', 'true'),
    ('Google Sheets', 'tpl_gsheets', 'true'), ('Neon', 'tpl_neon', 'false'), ('PostHog', 'tpl_posthog', 'false'), ('LinkedIn', 'tpl_linkedin', 'false')];
-- (feature, category)
CREATE FUNCTION features AS () -> [('workflow_editor', 'build'), ('workflow_editor', 'build'), ('run_history', 'operate'), ('run_history', 'operate'),
    ('tool_search', 'build'), ('custom_tool', 'build'), ('agent_chat', 'build'), ('schedule', 'operate'), ('secrets', 'settings'), ('team_invite', 'settings')];
-- (tool_name, tool_provider, tool_type)
CREATE FUNCTION tools AS () -> [('gmail_send_message', 'gmail', 'mcp'), ('gmail_search_messages', 'gmail', 'mcp'), ('slack_post_message', 'slack', 'mcp'),
    ('linear_create_issue', 'linear', 'mcp'), ('notion_query_database', 'notion', 'mcp'), ('hubspot_search_contacts', 'hubspot', 'mcp'),
    ('hubspot_update_deal', 'hubspot', 'mcp'), ('linkedin_get_profile', 'linkedin', 'mcp'), ('github_create_issue', 'github', 'mcp'),
    ('gsheets_append_rows', 'gsheets', 'mcp'), ('neon_run_sql', 'neon', 'mcp'), ('executeCode', 'datagen', 'default'), ('executeTool', 'datagen', 'default'),
    ('searchTools', 'datagen', 'default'), ('getToolDetails', 'datagen', 'default'), ('web_search', 'datagen', 'default'), ('web_scrape', 'datagen', 'default')];
