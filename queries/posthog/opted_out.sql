-- title: Who does not want to be analysed
-- about: >
--   One row: how many persons have $opt_out, or one of the properties that `opt_out` in usertrack.yaml names, how many
--   of them have no e-mail, and the e-mails of the others. What is neither true, 1 nor yes is no opt-out.
SELECT
    count() AS persons,
    countIf(empty(ifNull(email, ''))) AS without_email,
    groupUniqArrayIf(ifNull(email, ''), notEmpty(ifNull(email, ''))) AS emails
FROM (
    SELECT lowerUTF8(trim(properties.email)) AS email
    FROM persons
    WHERE (
        lower(toString(properties.$opt_out)) IN ('true', '1', 'yes')
            OR (length({opt_out}) > 1 AND arrayExists(
                name -> lower(replaceAll(JSONExtractRaw(properties, name), '"', '')) IN ('true', '1', 'yes'), {opt_out}
            ))
    )
    AND NOT arrayExists(
        own -> email = own
            OR (position(own, '@') = 0 AND (endsWith(email, concat('@', own)) OR endsWith(email, concat('.', own)))),
        {internal}
    )
)
