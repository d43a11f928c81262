-- What people looked at who are new to act on in a segment: a row per server that they clicked in the window of the profile.
SELECT server, count(*) AS people
FROM (
    SELECT unnest(string_split(p.mcp_servers, ', ')) AS server
    FROM profile AS p
    JOIN standing AS s ON s.{key} = p.{key}
    WHERE s.segment = ? AND s.new
)
GROUP BY server
ORDER BY people DESC, server
