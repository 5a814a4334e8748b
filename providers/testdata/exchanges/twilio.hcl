exchange "restricted keys" {
  source     = "twilio/twilio-oai:spec/json/twilio_iam_v1.json; https://www.twilio.com/docs/iam/api-keys/restricted-api-keys"
  read       = "2026-11-22"
  document   = "twilio-iam-v1.json"
  prefix     = ""
  connection = { account_sid = "AC0123456789abcdef0123456789abcdef", auth_token = "first-token" }
  role       = { permissions = ["/twilio/messaging/messages/create"] }
  headers    = { Authorization = "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpmaXJzdC10b2tlbg==" }

  step "check" {
    trip {
      request = "GET https://iam.twilio.com/v1/Keys?AccountSid=AC0123456789abcdef0123456789abcdef&PageSize=1"
      status  = 200
      answer  = { keys = [], meta = { next_page_url = null } }
    }
  }

  step "issue" {
    key { name = "vault-app-1" }
    trip {
      request = "POST https://iam.twilio.com/v1/Keys"
      beyond  = true # the description leaves the type of Policy open
      form = {
        AccountSid   = "AC0123456789abcdef0123456789abcdef"
        FriendlyName = "vault-app-1"
        KeyType      = "restricted"
        Policy       = "{\"allow\":[\"/twilio/messaging/messages/create\"]}"
      }
      status = 201
      answer = { sid = "SK0123456789abcdef0123456789abcdef", friendly_name = "vault-app-1", date_created = "Sun, 22 Nov 2026 10:00:00 +0000", secret = "key-secret", policy = { allow = ["/twilio/messaging/messages/create"] } }
    }
    id     = "SK0123456789abcdef0123456789abcdef"
    secret = { api_key_sid = "SK0123456789abcdef0123456789abcdef", api_key_secret = "key-secret" }
  }

  step "list" {
    ids = ["SKffffffffffffffffffffffffffffffff", "SK0123456789abcdef0123456789abcdef"]
    trip {
      request = "GET https://iam.twilio.com/v1/Keys?AccountSid=AC0123456789abcdef0123456789abcdef&PageSize=1000"
      status  = 200
      answer = {
        keys = [{ sid = "SKffffffffffffffffffffffffffffffff", friendly_name = "by hand", date_created = "Sat, 21 Nov 2026 10:00:00 +0000" }]
        meta = { next_page_url = "https://iam.twilio.com/v1/Keys?AccountSid=AC0123456789abcdef0123456789abcdef&PageSize=1000&Page=1&PageToken=PASKffff" }
      }
    }
    trip {
      request = "GET https://iam.twilio.com/v1/Keys?AccountSid=AC0123456789abcdef0123456789abcdef&PageSize=1000&Page=1&PageToken=PASKffff"
      status  = 200
      answer = {
        keys = [{ sid = "SK0123456789abcdef0123456789abcdef", friendly_name = "vault-app-1", date_created = "Sun, 22 Nov 2026 10:00:00 +0000" }]
        meta = { next_page_url = null }
      }
    }
  }

  # A restricted key may not read the account.
  step "probe" {
    alive = true
    trip {
      request = "GET https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef.json"
      beyond  = true # twilio-api-v2010.json has it
      headers = { Authorization = "Basic U0swMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjprZXktc2VjcmV0" }
      status  = 403
      answer  = { code = 70051, message = "Authorization Error", status = 403 }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://iam.twilio.com/v1/Keys/SK0123456789abcdef0123456789abcdef"
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://iam.twilio.com/v1/Keys/SK0123456789abcdef0123456789abcdef"
      status  = 404
      answer  = { code = 20404, message = "The requested resource /Keys/SK0123456789abcdef0123456789abcdef was not found", status = 404 }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef.json"
      beyond  = true # as above
      headers = { Authorization = "Basic U0swMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjprZXktc2VjcmV0" }
      status  = 401
      answer  = { code = 20003, message = "Authenticate", status = 401 }
    }
  }
}

exchange "standard keys" {
  source     = "twilio/twilio-oai:spec/json/twilio_iam_v1.json"
  read       = "2026-11-22"
  document   = "twilio-iam-v1.json"
  prefix     = ""
  connection = { account_sid = "AC0123456789abcdef0123456789abcdef", auth_token = "first-token" }
  role       = { standard = true }
  headers    = { Authorization = "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpmaXJzdC10b2tlbg==" }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET https://iam.twilio.com/v1/Keys?AccountSid=AC0123456789abcdef0123456789abcdef&PageSize=1"
      status  = 401
      answer  = { code = 20003, message = "Authenticate", status = 401 }
    }
  }

  step "issue" {
    key { name = "vault-app-2" }
    trip {
      request = "POST https://iam.twilio.com/v1/Keys"
      form    = { AccountSid = "AC0123456789abcdef0123456789abcdef", FriendlyName = "vault-app-2" }
      status  = 201
      answer  = { sid = "SK00000000000000000000000000000002", friendly_name = "vault-app-2", secret = "key-secret-2" }
    }
    id     = "SK00000000000000000000000000000002"
    secret = { api_key_sid = "SK00000000000000000000000000000002", api_key_secret = "key-secret-2" }
  }

  step "revoke" {
    trip {
      request = "DELETE https://iam.twilio.com/v1/Keys/SK00000000000000000000000000000002"
      status  = 204
    }
  }
}

exchange "rotation" {
  source     = "twilio/twilio-oai:spec/json/twilio_accounts_v1.json; https://www.twilio.com/docs/iam/api/authtoken-promotion; https://www.twilio.com/docs/errors/20404"
  read       = "2026-11-22"
  document   = "twilio-accounts-v1.json"
  prefix     = ""
  connection = { account_sid = "AC0123456789abcdef0123456789abcdef", auth_token = "first-token" }
  headers    = { Authorization = "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpmaXJzdC10b2tlbg==" }

  # Nobody knows whether the token was made, so it is taken back.
  step "rotate" {
    fails = "unknown"
    key { name = "vault-root-0" }
    trip {
      request = "POST https://accounts.twilio.com/v1/AuthTokens/Secondary"
      status  = 502
    }
    trip {
      request = "DELETE https://accounts.twilio.com/v1/AuthTokens/Secondary"
      status  = 204
    }
  }

  step "rotate" {
    connection = { auth_token = "second-token" }
    key { name = "vault-root-1" }
    trip {
      request = "POST https://accounts.twilio.com/v1/AuthTokens/Secondary"
      status  = 201
      answer  = { account_sid = "AC0123456789abcdef0123456789abcdef", secondary_auth_token = "second-token", date_created = "2026-11-22T10:00:00Z" }
    }
  }

  step "retire" {
    trip {
      request = "POST https://accounts.twilio.com/v1/AuthTokens/Promote"
      headers = { Authorization = "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpzZWNvbmQtdG9rZW4=" }
      status  = 200
      answer  = { account_sid = "AC0123456789abcdef0123456789abcdef", auth_token = "second-token" }
    }
  }

  step "retire" {
    trip {
      request = "POST https://accounts.twilio.com/v1/AuthTokens/Promote"
      headers = { Authorization = "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpzZWNvbmQtdG9rZW4=" }
      status  = 404
      answer  = { code = 20404, message = "The requested resource /AuthTokens/Promote was not found", status = 404 }
    }
  }
}

# What looks at an account, against the older document that has accounts.
exchange "a key that reads its account" {
  source     = "twilio/twilio-oai:spec/json/twilio_api_v2010.json; https://www.twilio.com/docs/iam/api/account"
  read       = "2026-11-28"
  document   = "twilio-api-v2010.json"
  prefix     = ""
  connection = { account_sid = "AC0123456789abcdef0123456789abcdef", auth_token = "first-token" }
  role       = { standard = true }
  headers    = { Authorization = "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpmaXJzdC10b2tlbg==" }

  step "check" {
    trip {
      request = "GET https://iam.twilio.com/v1/Keys?AccountSid=AC0123456789abcdef0123456789abcdef&PageSize=1"
      beyond  = true # twilio-iam-v1.json has it, and the next one
      status  = 200
      answer  = { keys = [], meta = { next_page_url = null } }
    }
  }
  step "issue" {
    key { name = "vault-app-2" }
    id     = "SK0123456789abcdef0123456789abcdef"
    secret = { api_key_sid = "SK0123456789abcdef0123456789abcdef", api_key_secret = "key-secret" }
    trip {
      request = "POST https://iam.twilio.com/v1/Keys"
      beyond  = true
      form    = { AccountSid = "AC0123456789abcdef0123456789abcdef", FriendlyName = "vault-app-2" }
      status  = 201
      answer  = { sid = "SK0123456789abcdef0123456789abcdef", friendly_name = "vault-app-2", secret = "key-secret" }
    }
  }
  step "probe" {
    alive = true
    trip {
      request = "GET https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef.json"
      headers = { Authorization = "Basic U0swMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjprZXktc2VjcmV0" }
      status  = 200
      answer  = { sid = "AC0123456789abcdef0123456789abcdef", status = "active" }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE https://iam.twilio.com/v1/Keys/SK0123456789abcdef0123456789abcdef"
      beyond  = true
      status  = 204
    }
  }
  step "probe" {
    alive = false
    trip {
      request = "GET https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef.json"
      headers = { Authorization = "Basic U0swMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjprZXktc2VjcmV0" }
      status  = 401
      answer  = { code = 20003, message = "Authenticate", status = 401 }
    }
  }
}
