# All that an application needs. The default policy lets its token renew leases.
path "apikeys/creds/reader" {
  capabilities = ["read"]
}
