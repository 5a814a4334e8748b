# A developer: sees which roles there are and what they may do, and takes keys of
# those whose names begin with dev-.
path "apikeys/roles" {
  capabilities = ["list"]
}
path "apikeys/roles/*" {
  capabilities = ["read"]
}
path "apikeys/providers" {
  capabilities = ["list"]
}
path "apikeys/providers/*" {
  capabilities = ["read"]
}
path "apikeys/creds/dev-*" {
  capabilities = ["read", "update"]
}
