# Category: Observability and feature flags
#
# Sources: https://www.zabbix.com/documentation/6.0/en/manual/api/reference/token and
# what Zabbix 6.0.14 answers itself.
#
# API tokens of one user: a token may do what its user's role and groups let the user
# do, so give keys a user of their own whose role can only read. The admin credential
# is a token too. Its user's role needs the access "Manage API tokens" and the API
# methods token.*; for tokens of other users than itself it must be a Super admin.
#
# Not confirmed: Zabbix 6.4 and newer, where the credential goes into a header.
provider "zabbix" {
  title            = "Zabbix"
  docs             = "https://www.zabbix.com/documentation/current/en/manual/api/reference/token"
  lag              = "5s"
  verified_against = ["Zabbix 6.0.14"]

  # The connection's base_url is the frontend's, such as https://zabbix.example.com.

  connection "token" {
    type      = string
    required  = true
    sensitive = true
    help      = "API token of a user who may manage API tokens."
  }
  connection "credential_in" {
    type    = string
    default = "header"
    enum    = ["header", "body"]
    help    = "Where requests carry the credential: header since Zabbix 6.4, body before."
  }

  role "user_id" {
    type     = string
    required = true
    pattern  = "^[0-9]{1,20}$"
    help     = "Id of the user that the tokens act for; it should be one that may do no more than they have to."
  }

  locals {
    api      = "/api_jsonrpc.php"
    in_body  = connection.credential_in == "body"
    call     = { jsonrpc = "2.0", id = 1, auth = local.in_body ? connection.token : null }
    retiring = { jsonrpc = "2.0", id = 1, auth = local.in_body ? previous.token : null }
    refused  = body.error.data == "No permissions to referred object or it does not exist!"
    none     = status == 200 && length(body.result) == 0
  }

  auth "bearer" {
    when  = connection.credential_in == "header"
    token = connection.token
  }

  check {
    post = local.api
    json = merge(local.call, { method = "token.get", params = { output = ["tokenid"], token = connection.token } })
    ok   = can(body.result[0].tokenid)
  }

  issue {
    step "create" {
      post = local.api
      json = merge(local.call, { method = "token.create", params = {
        name       = key.name
        userid     = role.user_id
        expires_at = unix(key.expires_at)
      } })
      ok   = can(body.result.tokenids[0])
      save = { token_id = body.result.tokenids[0] }
      undo {
        post = local.api
        json = merge(local.call, { method = "token.delete", params = [saved.token_id] })
        ok   = can(body.result.tokenids[0])
        gone = local.refused # who made it may delete it, so it is gone
      }
    }
    step "generate" {
      post = local.api
      json = merge(local.call, { method = "token.generate", params = [saved.token_id] })
      ok   = can(body.result[0].token)
    }
    id     = saved.token_id
    secret = { token = body.result[0].token }
  }

  # Deleting what is gone is refused like deleting what may not be, so it is looked for.
  revoke {
    step "look" {
      post = local.api
      json = merge(local.call, { method = "token.get", params = { output = ["tokenid"], tokenids = [key.id] } })
      save = { found = body.result[0].tokenid }
      gone = local.none
    }
    step "delete" {
      post = local.api
      json = merge(local.call, { method = "token.delete", params = [saved.found] })
      ok   = can(body.result.tokenids[0])
    }
  }

  # Not paged: the answer is all tokens of the user.
  list {
    post  = local.api
    json  = merge(local.call, { method = "token.get", params = { output = "extend", userids = [role.user_id] } })
    items = body.result
    item  = { id = item.tokenid, name = item.name, created_at = item.created_at, last_used_at = item.lastaccess }
  }

  extend {
    post = local.api
    json = merge(local.call, { method = "token.update", params = { tokenid = key.id, expires_at = unix(key.expires_at) } })
    ok   = can(body.result.tokenids[0])
  }

  # A role may forbid every method: only the credential itself being refused counts.
  probe {
    post    = local.api
    headers = { Authorization = local.in_body ? null : "Bearer ${secret.token}" }
    json = {
      jsonrpc = "2.0"
      id      = 1
      auth    = local.in_body ? secret.token : null
      method  = "user.get"
      params  = { output = ["userid"], limit = 1 }
    }
    alive = can(body.result)
    dead  = can(regex("^(Not authorized|API token expired|Session terminated)", body.error.data))
  }

  # Both calls of the last step go in one batch, so that either both are answered or none.
  # In a body the old token ends itself.
  rotate {
    step "create" {
      post = local.api
      json = merge(local.call, { method = "token.create", params = { name = key.name, expires_at = unix(key.expires_at) } })
      ok   = can(body.result.tokenids[0])
      save = { new_id = body.result.tokenids[0] }
      undo {
        post = local.api
        json = merge(local.call, { method = "token.delete", params = [saved.new_id] })
        ok   = can(body.result.tokenids[0])
        gone = local.refused
      }
    }
    step "generate" {
      post = local.api
      json = [
        merge(local.call, { method = "token.get", params = { output = ["tokenid"], token = connection.token } }),
        merge(local.call, { method = "token.generate", params = [saved.new_id] }),
      ]
      ok   = can(body[0].result[0].tokenid) && can(body[1].result[0].token)
      save = { old_id = body[0].result[0].tokenid }
    }
    connection = { token = body[1].result[0].token }
    retire {
      step "look" {
        post = local.api
        json = merge(local.retiring, { method = "token.get", params = { output = ["tokenid"], tokenids = [saved.old_id] } })
        save = { found = body.result[0].tokenid }
        gone = local.none || local.in_body && body.error.data == "Not authorized."
      }
      step "delete" {
        post = local.api
        json = merge(local.retiring, { method = "token.delete", params = [saved.found] })
        ok   = can(body.result.tokenids[0])
      }
    }
  }

  # JSON-RPC: every answer is a 200. Errors of the server itself leave open what happened.
  errors {
    message      = try(body.error.data, body.error.message)
    refused      = contains([-32500, -32600, -32601, -32602, -32700], body.error.code)
    unauthorized = can(regex("^(Not authorized|API token expired|Session terminated)", body.error.data))
  }
}
