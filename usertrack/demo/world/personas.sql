-- Who lives in the world. Every account is one of these, by a hash of its number:
--
--   evaluator        clicks "connect" on Gmail, Slack, Linear, … up to six times over days; still holds all 100 credits, never runs
--   reader           looks around every few days, never tries anything
--   casual           one to five runs, comes back every week
--   lapsed           one to five runs in the first weeks, then nothing
--   never_activated  signed up, nothing after
--   power_builder    many runs, hardly a credit left
--   paying           many runs, active subscription
--   frustrated       rage clicks and exceptions on the same few pages in the last days
--   failing          most runs fail, nearly all for one reason
--   api              calls tools over MCP or the API; no run, no page view
--   newcomer         signed up in the last six days, and is busy
--   internal         staff: @datagen.dev in any case, sub-domains, contractors
--
-- Across all of them: one in seven hides from PostHog (ad-blocker); some have a second browser that was never merged, a second account
-- under a differently cased e-mail, a second backend user that was never used, no e-mail, no credits. PostHog also knows people whose
-- account is gone (their tool calls are still there), and four times as many who never said who they are.
--
-- share: of all accounts. life: mean days from signup until they go quiet (999: still here). visits: per week. runs, calls (tool
-- calls outside a run), clicks (on "connect"): least and most. fail: share of runs. credits: least and most. paying: share with
-- an active subscription. blocked: share with an ad-blocker. makes: how much code, how many tools and agents.
CREATE TABLE world.personas (
    persona String, share Float64, life Float64, visits Float64, runs Tuple(UInt32, UInt32), fail Float64, calls Tuple(UInt32, UInt32),
    clicks Tuple(UInt32, UInt32), credits Tuple(Float64, Float64), paying Float64, blocked Float64, makes UInt32
) ENGINE = Memory;

INSERT INTO world.personas VALUES
    ('evaluator',       0.075,  45, 1.5, (0, 0),  0,    (0, 0),  (1, 6), (100, 100), 0.04, 0.12, 0),
    ('reader',          0.095, 999, 1.5, (0, 0),  0,    (0, 0),  (0, 0), (100, 100), 0,    0.15, 0),
    ('casual',          0.236, 999, 1.5, (1, 5),  0.1,  (0, 6),  (0, 2), (60, 97),   0.02, 0.15, 2),
    ('lapsed',          0.27,   12, 3,   (1, 5),  0.12, (0, 4),  (0, 2), (60, 98),   0,    0.15, 1),
    ('never_activated', 0.15,    0, 0,   (0, 0),  0,    (0, 0),  (0, 0), (100, 100), 0,    0.15, 0),
    ('power_builder',   0.047, 999, 3.3, (8, 70), 0.11, (0, 20), (0, 4), (0, 49),    0.1,  0.15, 6),
    ('paying',          0.023, 999, 3.3, (8, 60), 0.09, (0, 20), (0, 3), (60, 900),  1,    0.15, 6),
    ('frustrated',      0.026, 999, 3,   (0, 4),  0.2,  (0, 4),  (0, 2), (70, 99),   0.03, 0,    1),
    ('failing',         0.013, 999, 3,   (7, 25), 0.8,  (0, 8),  (0, 2), (35, 95),   0.2,  0.1,  2),
    ('api',             0.055, 999, 0,   (0, 0),  0,    (12, 60),(0, 0), (52, 99),   0.05, 0.1,  3),
    ('newcomer',        0,     999, 6,   (0, 2),  0.12, (0, 3),  (0, 2), (90, 100),  0,    0.15, 1),
    ('internal',        0,     999, 5,   (2, 40), 0.3,  (0, 20), (0, 9), (0, 100),   0,    0,    4);

-- Accounts told one by one: people of the documentation, staff and contractors, and strangers whose names are an attack.
CREATE TABLE world.special (n UInt32, email String, name String, persona String) ENGINE = Memory;

INSERT INTO world.special VALUES
    (3,   'lena@northwind.example',               'Lena Park',                              'failing'),
    (10,  'Ops@DataGen.dev',                      'Ops',                                    'internal'),
    (16,  'Lena@Northwind.example',               'Lena Park',                              'lapsed'),
    (23,  'qa@staging.datagen.dev',               'QA Robot',                               'internal'),
    (29,  'omar@acme.example',                    'Omar Haddad',                            'evaluator'),
    (36,  'sam@contractors.datagen.dev',          'Sam (contractor)',                       'internal'),
    (42,  'siobhan.o''brien@acme.example',        'Siobhán O''Brien',                       'failing'),
    (49,  'maya+datagen@freelance.example',       'Maya (contractor)',                      'internal'),
    (55,  'grace+beta@globex.example',            'Grace "Amazing" Hopper',                 'power_builder'),
    (68,  'party@hooli.example',                  '🎉 Zoë 👩‍💻',                              'frustrated'),
    (81,  'noor@lumen.example',                   'نور الهدى',                              'evaluator'),
    (94,  'markup@umbra.example',                 '[red]Bobby[/red] [/red]',                'frustrated'),
    (107, 'formula@initech.example',              '=HYPERLINK("http://evil.example","pay")', 'power_builder'),
    (120, 'percent%s{0}@hooli.example',           '%s {} <b>${jndi}</b> | `x` \\',          'failing');

-- Why runs fail. Braces are filled in per run: the same cause never reads twice the same.
CREATE TABLE world.causes (cause String, owner String, log String) ENGINE = Memory;

INSERT INTO world.causes VALUES
    ('oom', 'infrastructure', 'Modal OOM (rc=137): container ta-{hex} killed, 2048 MiB limit exceeded after {ms} ms\n  at sandbox /srv/runs/{run}/main.py:{line}\nSee https://modal.example/logs/{uuid}'),
    ('timeout', 'infrastructure', 'API timeout: POST https://api.datagen.dev/v1/runs/{uuid}/step timed out after 300 s (attempt {small})'),
    ('sandbox', 'infrastructure', 'Sandbox rate limit reached: {line} of 50 sandboxes in use, request {hex} rejected'),
    ('credits', 'platform', 'Insufficient credits: run needs 1 credit, balance reported 0 (account has {small}2)'),
    ('env', 'platform', 'KeyError: ''HUBSPOT_API_KEY''\nTraceback (most recent call last):\n  File "/srv/runs/{run}/main.py", line {line}, in <module>\n    token = os.environ["HUBSPOT_API_KEY"]'),
    ('hubspot', 'third_party', 'HubSpot 429 Too Many Requests: {"status":"error","message":"You have reached your ten_secondly_rolling limit.","correlationId":"{uuid}","policyName":"TEN_SECONDLY_ROLLING"}'),
    ('linkedin', 'third_party', 'LinkedIn API error 403: not enough permissions to access GET /v2/people/{hex}'),
    ('params', 'user', 'Invalid params for linear_create_issue: teamId "{hex}" is not a valid UUID (request {uuid})'),
    ('logic', 'user', 'Traceback (most recent call last):\n  File "/srv/runs/{run}/main.py", line {line}, in <module>\n    rows[{small}]["email"].lower()\nIndexError: list index out of range');
