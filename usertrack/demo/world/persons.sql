-- Persons as PostHog holds them: one per visitor that has an event, with the ids it was seen under.
INSERT INTO posthog.persons (id, created_at, properties, is_identified, last_seen_at, version)
SELECT person_id, first_seen, concat('{"$initial_referring_domain":', toJSONString(origin.domain), member('email', ifNull(email, '')), member('name', name),
    if(slot > 2, '', member('plan', multiIf(persona = 'paying', 'pro', slot = 2, 'cancelled', 'trial'))),
    if(slot > 2, '', member('role', pick(['founder', 'engineer', 'growth', 'ops', 'sales'], unit(n, 'role')))), '}'), slot < 3, last_seen, 1
FROM world.visitors JOIN (
    SELECT visitor, min(at) AS first_seen, max(at) AS last_seen FROM world.acts WHERE at <= as_of() GROUP BY visitor
) AS seen_at USING (visitor);

INSERT INTO posthog.person_distinct_ids (distinct_id, person_id, version)
SELECT DISTINCT acts.distinct_id, person_id, 1 FROM world.acts JOIN world.visitors USING (visitor) WHERE at <= as_of();
