# An application: keys of its own role, and nothing about others. It renews and ends
# its leases by what every token may do (the default policy).
path "apikeys/creds/reader" {
  capabilities = ["read", "update"] # update asks for less than the role allows
}
path "apikeys/static-creds/shared" {
  capabilities = ["read"]
}
