"""Which persons are identified, in PostHog's sense: those whose person profile says who they are.

A profile ``is_identified`` once `$identify` or `$create_alias` has named it. A server that sends an e-mail with `$set`
calls neither, so a profile with an e-mail counts, too. All others are anonymous visitors: profiles that nobody named,
and whoever sent nothing but events with ``$process_person_profile: false``, which leave no profile at all.
"""

from usertrack.core.emails import email_in_hogql

IDENTIFIED = f"is_identified OR {email_in_hogql('properties.email')} IS NOT NULL"
"""HogQL over a row of ``persons``; an anonymous visitor may have no row there."""
