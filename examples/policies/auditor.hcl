# An auditor: reads what there is and who holds which key, and changes nothing. No
# read of these shows a secret.
path "apikeys/config" {
  capabilities = ["list"]
}
path "apikeys/config/*" {
  capabilities = ["read"]
}
path "apikeys/roles" {
  capabilities = ["list"]
}
path "apikeys/roles/*" {
  capabilities = ["read"]
}
path "apikeys/static-roles" {
  capabilities = ["list"]
}
path "apikeys/static-roles/*" {
  capabilities = ["read"]
}
path "apikeys/providers" {
  capabilities = ["list"]
}
path "apikeys/providers/*" {
  capabilities = ["read"]
}
path "apikeys/keys" {
  capabilities = ["list"]
}
path "apikeys/keys/*" {
  capabilities = ["read"]
}
path "apikeys/queue" {
  capabilities = ["list"]
}
path "apikeys/queue/*" {
  capabilities = ["read"]
}
path "apikeys/ownership" {
  capabilities = ["read"]
}
path "apikeys/info" {
  capabilities = ["read"]
}
