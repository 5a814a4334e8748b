# Category: Mail and messages
#
# Sources: ActiveCampaign/postmark-php:src/Postmark/PostmarkAdminClient.php;
# https://postmarkapp.com/developer/api/servers-api
#
# A token exists only with a server, so a key is a whole server of its own: its messages
# and statistics go with it. It suits jobs, not long-lived senders. Tokens do not end by
# themselves. Deleting servers has to be allowed for the account by Postmark's support.
# The account token is made in the web interface.
#
# Admin credential: the account's API token, which may do everything in the account;
# Postmark has no lesser one.
#
# Not confirmed: what deleting a server that is gone is answered by every account.
#
# Rights: https://postmarkapp.com/developer/api/servers-api
provider "postmark" {
  title    = "Postmark"
  docs     = "https://postmarkapp.com/developer/api/servers-api"
  base_url = "https://api.postmarkapp.com"

  connection {
    account_token = { required = true, sensitive = true, help = "API token of the account, which manages servers." }
  }

  role {
    delivery_type = { default = "Live", enum = ["Live", "Sandbox"], help = "Live servers send, Sandbox ones only pretend." }
  }

  auth "header" { headers = { X-Postmark-Account-Token = connection.account_token } }

  check {
    get   = "/servers"
    query = { count = 1, offset = 0 }
  }

  issue {
    post    = "/servers"
    json    = { Name = key.name, DeliveryType = role.delivery_type == "Live" ? null : role.delivery_type, SmtpApiActivated = false }
    id      = body.ID
    secret  = { server_token = body.ApiTokens[0] }
    granted = { delivery_type = body.DeliveryType }
  }

  revoke {
    delete = "/servers/${key.id}"
    gone   = status == 404 || body.ErrorCode == 602
  }

  list {
    get   = "/servers"
    query = { count = 500, offset = coalesce(page.offset, 0) }
    items = body.Servers
    item  = { id = item.ID, name = item.Name }
    next  = length(items) > 0 ? { offset = coalesce(page.offset, 0) + length(items) } : null
  }

  probe {
    get     = "/server"
    headers = { X-Postmark-Server-Token = secret.server_token }
    alive   = [200]
    dead    = [401]
  }

  key_name { max_length = 100 }

  errors {
    message      = body.Message
    unauthorized = body.ErrorCode == 10
  }
}
