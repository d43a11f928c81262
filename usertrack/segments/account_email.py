"""The e-mail of an account that is named by its id, for what goes by e-mails whatever profiles are joined on."""

from usertrack.core.errors import UsageError
from usertrack.core.source_names import POSTGRES
from usertrack.engine.runner import Runner
from usertrack.library.library import Parameter, Query

_ID = Parameter("account_id", "text")
_SQL = """
SELECT a.email FROM {accounts} AS a WHERE trim(a.account_id::text) = trim({account_id}) AND a.email IS NOT NULL
UNION
SELECT f.email FROM {former_accounts} AS f WHERE trim(f.account_id::text) = trim({account_id}) AND f.email IS NOT NULL
ORDER BY email"""


def email_of_account(runner: Runner, account_id: str) -> str:
    """The e-mail of one account, also of one that was deleted or of somebody who opted out; raises UsageError."""
    sql = runner.library.expanded(_SQL, POSTGRES, [_ID.name])
    query = Query("the e-mail of the account", POSTGRES, sql, params={_ID.name: _ID}, entities=runner.library.entities)
    rows = runner.table(query.bind({_ID.name: account_id}, runner.offered)).rows
    if not rows:
        hint = "this command goes by e-mails, and takes an e-mail or the id of an account with one"
        raise UsageError(f"no account with an e-mail has the id '{account_id}'", hint)
    return str(rows[0][0])
