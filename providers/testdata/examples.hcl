# What the pages of docs/providers write where no exchange or contract case is, or where
# that shows more than a reader should begin with: keys that read.

example "axiom" {
  role = { dataset_capabilities = { web = { query = ["read"] } } }
}
example "consul" {
  role = { policies = ["app-read"] }
}
example "etcd" {
  role = { role = "reader" }
}
example "gitea" {
  role = { username = "bot", scopes = ["read:repository"] }
}
example "gitlab" {
  role = { project = "group/app", scopes = ["read_repository"] }
}
example "icinga2" {
  role = { permissions = ["objects/query/Host", "objects/query/Service"] }
}
example "influxdb1" {
  role = { database = "telegraf" }
}
example "linode" {
  role = { scopes = ["linodes:read_only"] }
}
example "okx" {
  role = { sub_account = "trader1", permissions = ["read_only"], ips = ["198.51.100.7"] }
}
example "snowflake" {
  role = { user = "SVC_APP", role_restriction = "READER" }
}
example "twilio" {
  role = { permissions = ["/twilio/messaging/messages/read"] }
}
example "express-gateway" {
  role = { consumer = "app", scopes = ["models:read"] }
}
example "rabbitmq" {
  role = { vhost = "/", read = "^orders$" }
}
example "auth0" {
  role = { audience = "https://api.acme.test", scopes = ["read:orders"] }
}
