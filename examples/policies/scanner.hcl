# A scanner for leaked secrets: asks who holds a key that it has found, and ends it.
# Both take the key's value, which only a finder has.
path "apikeys/lookup-key" {
  capabilities = ["update"]
}
path "apikeys/revoke-key" {
  capabilities = ["update"]
}
