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

  connection {
    token         = { required = true, sensitive = true, help = "API token of a user who may manage API tokens." }
    credential_in = { default = "header", enum = ["header", "body"], help = "Where requests carry the credential: header since Zabbix 6.4, body before." }
  }

  role {
    user_id = { required = true, pattern = "^[0-9]{1,20}$", help = "Id of the user that the tokens act for; it should be one that may do no more than they have to." }
  }

  locals {
    in_body = connection.credential_in == "body"
    call    = { jsonrpc = "2.0", id = 1, auth = local.in_body ? connection.token : null }
    # In a body the old token ends itself.
    retiring = { token = local.in_body ? previous.token : connection.token }
    refused  = body.error.data == "No permissions to referred object or it does not exist!"
    none     = status == 200 && length(body.result) == 0
  }

  auth "bearer" {
    when  = connection.credential_in == "header"
    token = connection.token
  }

  requests {
    post = "/api_jsonrpc.php"
    json = local.call
  }

  check {
    json = { method = "token.get", params = { output = ["tokenid"], token = connection.token } }
    ok   = can(body.result[0].tokenid)
  }

  issue {
    step "create" {
      json = { method = "token.create", params = { name = key.name, userid = role.user_id, expires_at = unix(key.expires_at) } }
      ok   = can(body.result.tokenids[0])
      save = { token_id = body.result.tokenids[0] }
      undo {
        json = { method = "token.delete", params = [saved.token_id] }
        ok   = can(body.result.tokenids[0])
        gone = local.refused # who made it may delete it, so it is gone
      }
    }
    step "generate" {
      json = { method = "token.generate", params = [saved.token_id] }
      ok   = can(body.result[0].token)
    }
    id     = saved.token_id
    secret = { token = body.result[0].token }
  }

  # Deleting what is gone is refused like deleting what may not be, so it is looked for.
  revoke {
    step "look" {
      json = { method = "token.get", params = { output = ["tokenid"], tokenids = [key.id] } }
      save = { found = body.result[0].tokenid }
      gone = local.none
    }
    step "delete" {
      json = { method = "token.delete", params = [saved.found] }
      ok   = can(body.result.tokenids[0])
    }
  }

  # Not paged: the answer is all tokens of the user.
  list {
    json  = { method = "token.get", params = { output = "extend", userids = [role.user_id] } }
    items = body.result
    item  = { id = item.tokenid, name = item.name, created_at = item.created_at, last_used_at = item.lastaccess, expires_at = item.expires_at }
  }

  extend {
    json = { method = "token.update", params = { tokenid = key.id, expires_at = unix(key.expires_at) } }
    ok   = can(body.result.tokenids[0])
  }

  # A role may forbid every method: only the credential itself being refused counts.
  probe {
    json       = { method = "user.get", params = { output = ["userid"], limit = 1 } }
    credential = { token = secret.token }
    alive      = can(body.result)
    dead       = can(regex("^(Not authorized|API token expired|Session terminated)", body.error.data))
  }

  # Both calls of the last step go in one batch, so that either both are answered or none.
  rotate {
    step "create" {
      json = { method = "token.create", params = { name = key.name, expires_at = unix(key.expires_at) } }
      ok   = can(body.result.tokenids[0])
      save = { new_id = body.result.tokenids[0] }
      undo {
        json = { method = "token.delete", params = [saved.new_id] }
        ok   = can(body.result.tokenids[0])
        gone = local.refused
      }
    }
    step "generate" {
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
        json       = { method = "token.get", params = { output = ["tokenid"], tokenids = [saved.old_id] } }
        credential = local.retiring
        save       = { found = body.result[0].tokenid }
        gone       = local.none || local.in_body && body.error.data == "Not authorized."
      }
      step "delete" {
        json       = { method = "token.delete", params = [saved.found] }
        credential = local.retiring
        ok         = can(body.result.tokenids[0])
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
