SELECT event, properties.$pathname as page, timestamp FROM events WHERE person.properties.email = '{EMAIL}' AND timestamp > now() - INTERVAL 30 DAY ORDER BY timestamp DESC LIMIT 100
