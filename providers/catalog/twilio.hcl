# Category: Mail and messages
#
# Sources, unless a line names another: twilio/twilio-oai:spec/json/twilio_iam_v1.json.
#
# Admin credential: the account's Auth Token or a Main key, best of a subaccount:
# standard and restricted keys may not make keys.
#
# Rights: https://www.twilio.com/docs/iam/api-keys/keys-in-console
provider "twilio" {
  title    = "Twilio API keys"
  docs     = "https://www.twilio.com/docs/iam/api-keys/restricted-api-keys"
  base_url = "https://iam.twilio.com"

  connection {
    account_sid = { required = true, pattern = "^AC[0-9a-fA-F]{32}$", help = "Account, or subaccount, that owns the keys, AC and 32 hexadecimal digits." }
    auth_token  = { required = true, sensitive = true, help = "Auth token of the account, the primary one: an API key cannot make keys of its own kind." }
  }

  role {
    permissions = { type = list(string), min = 1, help = "What the keys may do, such as /twilio/messaging/messages/create. Give this or standard." }
    standard    = { type = bool, default = false, help = "Make standard keys, which may do all but manage accounts and keys, in place of keys with permissions." }
  }
  validation {
    condition     = role.standard != (role.permissions != null)
    error_message = "name permissions, or write standard=true for keys that may do all but manage accounts and keys"
  }

  auth "basic" {
    username = connection.account_sid
    password = connection.auth_token
  }

  check {
    get = "/v1/Keys"
    query = {
      AccountSid = connection.account_sid
      PageSize   = 1
    }
  }

  issue {
    post = "/v1/Keys"
    form = {
      AccountSid   = connection.account_sid
      FriendlyName = key.name
      KeyType      = role.standard ? null : "restricted"
      Policy       = role.permissions != null ? jsonencode({ allow = role.permissions }) : null
    }
    id = body.sid
    secret = {
      api_key_secret = body.secret
      api_key_sid    = body.sid # the user name that goes with it
    }
  }

  revoke {
    delete = "/v1/Keys/${key.id}"
    gone   = [404]
  }

  list {
    get = "/v1/Keys"
    query = {
      AccountSid = connection.account_sid
      PageSize   = 1000
    }
    items = body.keys
    item = {
      id         = item.sid
      name       = item.friendly_name
      created_at = item.date_created
    }
    pagination "url" { next = body.meta.next_page_url }
  }

  # A restricted key that may not read the account is told so by 403.
  # https://www.twilio.com/docs/iam/api/account
  probe {
    get        = "https://api.twilio.com/2010-04-01/Accounts/${connection.account_sid}.json"
    credential = { account_sid = secret.api_key_sid, auth_token = secret.api_key_secret }
    alive      = [200, 403]
    dead       = [401]
  }

  # An account has room for a second auth token, which works like the first.
  # Promoting it makes it the first, and ends the other one; that is the
  # retiring. Without a second one that is answered 404: it has been promoted.
  # twilio/twilio-oai:spec/json/twilio_accounts_v1.json;
  # https://www.twilio.com/docs/iam/api/authtoken-promotion
  rotate {
    step "second token" {
      post = "https://accounts.twilio.com/v1/AuthTokens/Secondary"

      undo {
        delete = "https://accounts.twilio.com/v1/AuthTokens/Secondary"
        gone   = [404]
      }
    }

    connection = { auth_token = body.secondary_auth_token }

    retire {
      post = "https://accounts.twilio.com/v1/AuthTokens/Promote"
      gone = [404]
    }
  }

  key_name { max_length = 64 }

  errors { message = body.message }
}
