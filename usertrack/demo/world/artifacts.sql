-- What people make: code they try, tools they deploy, agents they send out.
CREATE TABLE world.code (id Int32, n UInt32, backend_id Int32, name String, status String, ms UInt32, created_at DateTime64(3, 'UTC')) ENGINE = Memory;
CREATE TABLE world.deployments (id Int32, backend_id Int32, name String, description String, final_code String, created_at DateTime64(3, 'UTC')) ENGINE = Memory;
CREATE TABLE world.agents (
    id Int32, n UInt32, account Int32, agent String, state String, prompt String, result Nullable(String), ms Nullable(UInt32),
    started_at DateTime64(3, 'UTC'), completed_at Nullable(DateTime64(3, 'UTC'))
) ENGINE = Memory;

INSERT INTO world.code
SELECT 20 * lo() + row_number() OVER (ORDER BY at, n, k), n, backend_id,
    pick(['enrich_leads', 'sync_crm', 'weekly_digest', 'dedupe_contacts', 'parse_invoices', 'score_accounts', 'scratch'], unit((n, k), 'script')),
    if(unit((n, k), 'code state') < if(persona = 'failing', 0.5, 0.13), 'failed', 'success'), toUInt32(40 + pow(unit((n, k), 'code ms'), 4) * 90000),
    within(created_at, active_to, utc_offset, (n, k, 'code')) AS at
FROM world.accounts JOIN world.personas USING (persona) ARRAY JOIN range(toUInt32(unit(n, 'code') * 2 * makes)) AS k WHERE active_to > created_at;

INSERT INTO world.deployments
SELECT 10 * lo() + row_number() OVER (ORDER BY at, n, k), backend_id, concat(pick(['lead', 'invoice', 'contact', 'meeting', 'deal'], unit((n, k), 'noun')), '_',
    pick(['scorer', 'finder', 'writer', 'router', 'cleaner'], unit((n, k), 'verb')) AS verb) AS name,
    concat('A ', verb, ' for ', pick(['the sales team', 'our CRM', 'weekly reports', 'support mail'], unit((n, k), 'purpose'))),
    concat('def ', name, '(rows: list[dict]) -> list[dict]:\n', repeat('    rows = [row for row in rows if row]\n', between(1, 40, unit((n, k), 'length'))), '    return rows\n'),
    within(created_at, active_to, utc_offset, (n, k, 'deploy')) AS at
FROM world.accounts JOIN world.personas USING (persona) ARRAY JOIN range(toUInt32(unit(n, 'deploy') * makes / 2)) AS k WHERE active_to > created_at;

INSERT INTO world.agents
WITH toUInt32(4000 + pow(unit((n, k), 'agent ms'), 3) * 400000) AS took,
    within(created_at, active_to, utc_offset, (n, k, 'agent')) AS at, at + toIntervalMillisecond(took) AS done,
    multiIf(done > as_of(), 'running', unit((n, k), 'agent state') < if(persona = 'failing', 0.6, 0.12), 'failed', 'completed') AS state
SELECT 10 * lo() + row_number() OVER (ORDER BY at, n, k), n, id, pick(['agent_inbox', 'agent_research', 'agent_sdr', 'agent_reports'], unit((n, k), 'agent')), state,
    pick(['Summarise my unread mail and draft answers', 'Find 20 leads like our best customer', 'Write the weekly pipeline report', 'Clean up duplicate contacts in HubSpot'], unit((n, k), 'prompt')),
    if(state = 'completed', concat('Done: ', toString(between(1, 60, unit((n, k), 'result'))), ' items'), NULL), if(state = 'running', NULL, took), at, if(state = 'running', NULL, done)
FROM world.accounts JOIN world.personas USING (persona) ARRAY JOIN range(toUInt32(unit(n, 'agents') * makes)) AS k WHERE active_to > created_at;
