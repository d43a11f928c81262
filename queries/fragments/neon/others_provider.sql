-- title: Whose tool was called
-- about: >
--   Needs `c`, the call: its provider. The company's own tools, as their kind says, have none, so that an error of theirs
--   is nobody else's.
CASE WHEN lower(c.kind) NOT IN ('default', 'builtin', 'built-in', 'internal', 'native', 'own') IS NOT FALSE THEN c.provider END
