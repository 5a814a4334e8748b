contract "keys that read an index" {
  document   = "elasticsearch.json"
  secret     = "encoded"
  connection = { username = "elastic", password = "contract-password" }
  role = {
    role_descriptors = { logs = { indices = [{ names = ["logs-*"], privileges = ["read"] }] } }
  }

  idempotent = ["DELETE /_security/api_key"]

  # What a list shows is of the credential's own user.
  shows = { username = "elastic" }
}
