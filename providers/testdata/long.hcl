# Definitions of more than a hundred lines, comments and empty ones not counted, how many
# they may have, and why: what in the provider needs them, or what the language lacks.

long "bitget" {
  lines  = 119
  reason = "three parts of a credential, a signature of its own, and a deletion that does not tell what is gone, so that the list is read first"
}
long "bybit" {
  lines  = 116
  reason = "a signature of its own, written a second time for the probe: an auth block cannot be shared"
}
long "consul" {
  lines  = 132
  reason = "eight fields, and deletions that answer a dead admin token like a dead key, so that each looks first"
}
long "datadog" {
  lines  = 155
  reason = "two credentials that are replaced one after the other, with a list for each"
}
long "google-apikeys" {
  lines  = 112
  reason = "each change is an operation that is waited for, and a deleted key can be read for a month"
}
long "grafana-cloud" {
  lines  = 124
  reason = "a policy and a token for each key, and a request id and the region on every request: neither can be said once for all"
}
long "kucoin" {
  lines  = 106
  reason = "three parts of a credential, a signature of its own, and a deletion that does not tell what is gone, so that the list is read first"
}
long "mongodb-atlas" {
  lines  = 178
  reason = "two ways to sign in, keys of a project or of the organization, and an admin credential whose replacement takes its addresses along"
}
long "okx" {
  lines  = 107
  reason = "three parts of a credential, a signature of its own, and a deletion that does not tell what is gone, so that the list is read first"
}
long "rabbitmq" {
  lines  = 107
  reason = "eight fields of four lines each: a field cannot be written in one"
}
long "snowflake" {
  lines  = 121
  reason = "two ways to sign in, and statements whose answers are tables"
}
long "vault" {
  lines  = 143
  reason = "a rotation that shows that the successor is an orphan, with the rights, the period and the bounds of the token that it replaces"
}
long "zabbix" {
  lines  = 145
  reason = "one address for everything, two places for the credential, and a rotation in which both calls are answered or none"
}
