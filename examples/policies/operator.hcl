# An operator: connections, roles, rotation, the queue and reconciling, but no keys.
# Who writes roles decides what keys may do, and who writes connections where the
# admin credential goes. Definitions take sudo and are left out on purpose.
path "apikeys/config" {
  capabilities = ["list"]
}
path "apikeys/config/*" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
path "apikeys/roles" {
  capabilities = ["list"]
}
path "apikeys/roles/*" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
path "apikeys/static-roles" {
  capabilities = ["list"]
}
path "apikeys/static-roles/*" {
  capabilities = ["create", "read", "update", "patch", "delete"]
}
path "apikeys/providers" {
  capabilities = ["list"]
}
path "apikeys/providers/*" {
  capabilities = ["read"]
}
path "apikeys/check/*" {
  capabilities = ["update"]
}
path "apikeys/reset/*" {
  capabilities = ["update"]
}
path "apikeys/rotate-root/*" {
  capabilities = ["update"]
}
path "apikeys/rotate-role/*" {
  capabilities = ["update"]
}
path "apikeys/reconcile/*" {
  capabilities = ["update"]
}
path "apikeys/queue" {
  capabilities = ["list"]
}
path "apikeys/queue/*" {
  capabilities = ["read", "update"]
}
path "apikeys/keys" {
  capabilities = ["list"]
}
path "apikeys/keys/*" {
  capabilities = ["read"]
}
path "apikeys/ownership" {
  capabilities = ["read", "update", "patch"]
}
path "apikeys/ownership/*" {
  capabilities = ["update"]
}
path "apikeys/info" {
  capabilities = ["read"]
}
path "apikeys/metrics" {
  capabilities = ["read"]
}
path "sys/leases/lookup/apikeys/*" {
  capabilities = ["list", "sudo"]
}
path "sys/leases/revoke-prefix/apikeys/*" {
  capabilities = ["update", "sudo"]
}
