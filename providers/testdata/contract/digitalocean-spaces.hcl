contract "keys that read a bucket" {
  document   = "digitalocean.json"
  secret     = "key.secret_key"
  connection = { token = "contract-token" }
  role       = { grants = [{ bucket = "backups", permission = "read" }] }
}
