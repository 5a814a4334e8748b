contract "access keys of a namespace" {
  document   = "digitalocean.json"
  secret     = "access_key.secret"
  connection = { token = "contract-token", namespace = "fn-contract" }
}
