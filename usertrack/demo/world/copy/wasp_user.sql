WITH seen AS (
    SELECT n, max(at) AS last_active FROM (
        SELECT intDiv(visitor, 8) AS n, started AS at FROM world.visits WHERE slot < 2
        UNION ALL SELECT intDiv(visitor, 8), at FROM world.acts WHERE visitor % 8 < 2
        UNION ALL SELECT n, created_at FROM world.runs
        UNION ALL SELECT n, created_at FROM world.tool_calls WHERE standalone < 2
        UNION ALL SELECT n, created_at FROM world.code
        UNION ALL SELECT n, started_at FROM world.agents
    ) WHERE at <= as_of() GROUP BY n
)
SELECT id, email, name, credits, subscription_status, greatest(created_at, last_active), created_at, concat('$argon2id$v=19$m=19456,t=2,p=1$', hex(sipHash128(seed(), n, 'password'))),
    if(subscription_status = 'active', [29, 79, 199][1 + sipHash64(seed(), n, 'price') % 3], 0), nullIf(organization_of(email), '')
FROM world.accounts LEFT JOIN seen USING (n) ORDER BY id
