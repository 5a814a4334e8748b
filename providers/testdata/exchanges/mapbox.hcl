exchange "tokens of an account" {
  source     = "https://docs.mapbox.com/api/accounts/tokens/ and https://docs.mapbox.com/api/overview/#pagination"
  read       = "2026-11-28"
  connection = { username = "acme", token = "sk.admin" }
  role       = { scopes = ["styles:list"] }

  step "check" {
    trip {
      request = "GET /tokens/v2/acme?limit=1&access_token=sk.admin"
      status  = 200
      answer  = []
    }
  }
  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /tokens/v2/acme?limit=1&access_token=sk.admin"
      status  = 401
      answer  = { message = "Not Authorized - Invalid Token" }
    }
  }
  step "issue" {
    key { name = "vault-app-1" }
    id     = "cijuorumy001cutm5r4fl2y1b"
    secret = { token = "sk.eyJ1IjoiYWNtZSJ9.abc" }
    trip {
      request = "POST /tokens/v2/acme?access_token=sk.admin"
      json    = { note = "vault-app-1", scopes = ["styles:list"] }
      status  = 201
      answer = {
        client   = "api"
        note     = "vault-app-1"
        usage    = "sk"
        id       = "cijuorumy001cutm5r4fl2y1b"
        default  = false
        scopes   = ["styles:list"]
        created  = "2016-01-26T00:50:13.701Z"
        modified = "2016-01-26T00:50:13.701Z"
        token    = "sk.eyJ1IjoiYWNtZSJ9.abc"
      }
    }
  }
  step "list" {
    ids = ["cijucimbe000brbkt48d0dhcx", "cijuorumy001cutm5r4fl2y1b"]
    trip {
      request        = "GET /tokens/v2/acme?limit=100&access_token=sk.admin"
      status         = 200
      answer_headers = { Link = "<https://api.mapbox.com/tokens/v2/acme?limit=100&start=cijucimbe000brbkt48d0dhcx>; rel=\"next\"" }
      answer         = [{ client = "api", note = "a public token", usage = "pk", id = "cijucimbe000brbkt48d0dhcx", default = true, scopes = ["styles:read"], created = "2016-01-25T19:07:07.621Z", token = "pk.abc" }]
    }
    trip {
      request = "GET /tokens/v2/acme?limit=100&start=cijucimbe000brbkt48d0dhcx&access_token=sk.admin"
      status  = 200
      answer  = [{ client = "api", note = "vault-app-1", usage = "sk", id = "cijuorumy001cutm5r4fl2y1b", default = false, scopes = ["styles:list"], created = "2016-01-26T00:50:13.701Z" }]
    }
  }
  step "probe" {
    alive = true
    trip {
      request = "GET /tokens/v2?access_token=sk.eyJ1IjoiYWNtZSJ9.abc"
      status  = 200
      answer  = { code = "TokenValid", token = { usage = "sk", user = "acme", authorization = "cijuorumy001cutm5r4fl2y1b" } }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /tokens/v2/acme/cijuorumy001cutm5r4fl2y1b?access_token=sk.admin"
      status  = 204
    }
  }
  step "probe" {
    alive = false
    trip {
      request = "GET /tokens/v2?access_token=sk.eyJ1IjoiYWNtZSJ9.abc"
      status  = 200
      answer  = { code = "TokenRevoked", token = { usage = "sk", user = "acme", authorization = "cijuorumy001cutm5r4fl2y1b" } }
    }
  }
  step "probe" {
    trip {
      request = "GET /tokens/v2?access_token=sk.eyJ1IjoiYWNtZSJ9.abc"
      status  = 200
      answer  = { message = "try again" }
    }
  }
}
