# A mount of the engine with one connection, a role and a static role, in spellings
# that a second plan leaves alone: durations are seconds, lists are lists, and what a
# read does not show is ignored.

terraform {
  required_providers {
    vault = { source = "hashicorp/vault" }
  }
}

provider "vault" {
  skip_tls_verify = false # VAULT_ADDR and VAULT_TOKEN say the rest
}

variable "base_url" {
  type = string
}

variable "admin_key" {
  type      = string
  sensitive = true
}

variable "ttl" {
  type    = number
  default = 3600
}

variable "request_timeout" {
  type    = number
  default = 30
}

resource "vault_mount" "apikeys" {
  path = "apikeys"
  type = "vault-plugin-secrets-apikeys"
}

# The credential is written once. Afterwards it is the engine's: rotate-root replaces
# it, and a plan must not put the first one back. To write another one by Terraform,
# run apply with -replace=vault_generic_endpoint.box.
#
# Nothing below the mount but static roles is deleted by itself: a connection that has
# live keys refuses that. Destroying the mount ends all leases, and then its storage.
resource "vault_generic_endpoint" "box" {
  path           = "${vault_mount.apikeys.path}/config/box"
  disable_read   = true
  disable_delete = true
  data_json = jsonencode({
    provider  = "sandbox"
    base_url  = var.base_url
    admin_key = var.admin_key
  })
  lifecycle {
    ignore_changes = [data_json]
  }
}

# The same path: a write of some fields leaves the others as they are.
resource "vault_generic_endpoint" "box_settings" {
  depends_on           = [vault_generic_endpoint.box]
  path                 = "${vault_mount.apikeys.path}/config/box"
  ignore_absent_fields = true
  disable_delete       = true
  data_json = jsonencode({
    allowed_roles   = ["reader", "shared"]
    request_timeout = var.request_timeout
    rotation_period = 604800
  })
}

resource "vault_generic_endpoint" "reader" {
  depends_on           = [vault_generic_endpoint.box_settings]
  path                 = "${vault_mount.apikeys.path}/roles/reader"
  ignore_absent_fields = true
  disable_delete       = true
  data_json = jsonencode({
    connection        = "box"
    scopes            = ["read"]
    ttl               = var.ttl
    max_ttl           = 28800
    narrowable_fields = ["scopes"]
  })
}

# Deleting it has its key revoked.
resource "vault_generic_endpoint" "shared" {
  depends_on           = [vault_generic_endpoint.box_settings]
  path                 = "${vault_mount.apikeys.path}/static-roles/shared"
  ignore_absent_fields = true
  data_json = jsonencode({
    connection      = "box"
    scopes          = ["read"]
    rotation_period = 86400
    overlap         = 3600
  })
}
