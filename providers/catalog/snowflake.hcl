# Category: Data, search and queues
#
# Sources:
# https://docs.snowflake.com/en/sql-reference/sql/alter-user-add-programmatic-access-token,
# …/alter-user-remove-programmatic-access-token, …/show-user-programmatic-access-tokens,
# https://docs.snowflake.com/en/developer-guide/sql-api/reference and
# …/sql-api/authenticating
#
# Tokens are made by SQL statements. A user who is to have tokens must be under a
# network policy, and has at most 15.
#
# Admin credential: a role with the privilege MODIFY PROGRAMMATIC AUTHENTICATION METHODS
# on the users whose tokens are made, and nothing else.
#
# Rights: https://docs.snowflake.com/en/user-guide/programmatic-access-tokens and
# https://docs.snowflake.com/en/sql-reference/sql/alter-user-add-programmatic-access-token
provider "snowflake" {
  title    = "Snowflake programmatic access tokens"
  docs     = "https://docs.snowflake.com/en/user-guide/programmatic-access-tokens"
  base_url = "https://${connection.account}.snowflakecomputing.com"

  connection {
    account     = { required = true, pattern = "^[A-Za-z0-9][A-Za-z0-9-]*$", help = "Account identifier, ORGANIZATION-ACCOUNT, with - in place of each _." }
    username    = { required = true, help = "User who makes the tokens; needs the privilege MODIFY PROGRAMMATIC AUTHENTICATION METHODS on the users whom they are for." }
    private_key = { sensitive = true, help = "Private RSA key of username in PEM, without a passphrase. Give this or token." }
    token       = { sensitive = true, help = "Programmatic access token of username." }
    role        = { help = "Role to make the tokens with. Without it, the default role of username." }
  }

  role {
    user             = { required = true, help = "User whom the tokens are for, written exactly as SHOW USERS does: mostly in capitals." }
    role_restriction = { required = true, help = "Role that the tokens are restricted to." }
  }

  locals {
    # Rows by the names of their columns.
    rows = [for row in body.data : zipmap([for column in body.resultSetMetaData.rowType : lower(column.name)], row)]
    user = "${upper(connection.account)}.${upper(connection.username)}"
  }

  auth "jwt" {
    when      = connection.private_key != null
    algorithm = "RS256"
    key       = connection.private_key
    lifetime  = "59m"
    claims    = { iss = "${local.user}.SHA256:${public_key_sha256(connection.private_key)}", sub = local.user }
  }
  auth "bearer" {
    when  = connection.private_key == null
    token = connection.token
  }
  auth "header" {
    headers = {
      X-Snowflake-Authorization-Token-Type = connection.private_key != null ? "KEYPAIR_JWT" : "PROGRAMMATIC_ACCESS_TOKEN"
    }
  }

  requests {
    post = "/api/v2/statements"
    json = { role = connection.role }
    ok   = body.code == "090001"
  }

  check { json = { statement = "SELECT CURRENT_USER()" } }

  issue {
    json = {
      statement = join(" ", compact([
        "ALTER USER ${sql_identifier(role.user)} ADD PROGRAMMATIC ACCESS TOKEN ${sql_identifier(key.name)}",
        "ROLE_RESTRICTION = ${sql_string(role.role_restriction)}",
        "DAYS_TO_EXPIRY = ${ceil(key.ttl / 86400)}",
        "COMMENT = 'Leased by Vault'",
      ]))
    }
    id     = key.name
    secret = { token = local.rows[0].token_secret }
  }

  # "Does not exist" is also what a missing privilege is called, so that a token
  # is gone is seen from the list.
  revoke {
    list_first = true
    json       = { statement = "ALTER USER ${sql_identifier(role.user)} REMOVE PROGRAMMATIC ACCESS TOKEN ${sql_identifier(key.id)}" }
  }

  list {
    json  = { statement = "SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER ${sql_identifier(role.user)}" }
    items = local.rows
    item  = { id = item.name, name = item.name, created_at = split(" ", coalesce(item.created_on, ""))[0] }
  }

  key_name {
    max_length = 255
    characters = "A-Za-z0-9_"
  }

  expiry {
    minimum = "24h"
    maximum = "365d"
  }

  # A statement that takes long is answered 202 and goes on.
  errors {
    message = body.message
    refused = []
  }
}
