# Definitions of more than a hundred lines, comments and empty ones not counted, how many
# they may have, and what in the provider needs them.

long "datadog" {
  lines  = 125
  reason = "two credentials that are replaced one after the other, each found among its own kind, undone and retired by itself"
}
long "mongodb-atlas" {
  lines  = 130
  reason = "two ways to sign in, keys of a project or of the organization, and an admin credential whose replacement takes its addresses along"
}
long "vault" {
  lines  = 115
  reason = "a rotation that shows that the successor is an orphan, with the rights, the period and the bounds of the token that it replaces"
}
long "zabbix" {
  lines  = 115
  reason = "two places for the credential, tokens that are made and then generated, and a rotation in which both calls are answered or none"
}
