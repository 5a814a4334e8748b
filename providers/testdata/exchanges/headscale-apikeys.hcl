exchange "keys that are known by their ends" {
  source     = "juanfont/headscale:gen/openapiv2/headscale/v1/headscale.swagger.json; answers of Headscale 0.26.1"
  connection = { base_url = "https://headscale.example", api_key = "ZDFnLk6.old" }
  headers    = { Authorization = "Bearer ZDFnLk6.old" }
  now        = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /api/v1/apikey"
      status  = 200
      answer  = { apiKeys = [] }
    }
  }
  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v1/apikey"
      status  = 401
      answer  = "Unauthorized"
    }
  }
  step "issue" {
    key {
      name       = "site1-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    id     = "PF-Ep8d"
    secret = { api_key = "PF-Ep8d.TIs4" }
    trip {
      request = "POST /api/v1/apikey"
      json    = { expiration = "2030-11-22T11:12:20.201993Z" }
      status  = 200
      answer  = { apiKey = "PF-Ep8d.TIs4" }
    }
  }
  step "find" {
    ids = ["PF-Ep8d"]
    trip {
      request = "GET /api/v1/apikey"
      status  = 200
      answer = { apiKeys = [
        { id = "1", prefix = "ZDFnLk6", expiration = "2031-02-26T10:26:38.289025992Z", createdAt = "2030-11-20T10:26:38.434368779Z", lastSeen = null },
        { id = "2", prefix = "PF-Ep8d", expiration = "2030-11-22T11:12:20.201993Z", createdAt = "2030-11-22T10:00:00.736593801Z", lastSeen = null },
        { id = "3", prefix = "3rL0Rb8", expiration = "2030-11-22T11:12:20.201994Z", createdAt = "2030-11-22T10:00:00.035905380Z", lastSeen = null },
        { id = "4", prefix = "5sX9pQ2", expiration = "2030-11-22T11:12:20Z", createdAt = "2030-11-22T10:00:00.035905380Z", lastSeen = null },
      ] }
    }
  }
  step "list" {
    ids = ["ZDFnLk6"]
    trip {
      request = "GET /api/v1/apikey"
      status  = 200
      answer = { apiKeys = [
        { id = "1", prefix = "ZDFnLk6", expiration = "2031-02-26T10:26:38.289025992Z", createdAt = "2030-11-20T10:26:38.434368779Z", lastSeen = null },
        { id = "2", prefix = "Aa0-Ep8", expiration = "2030-11-22T09:12:20.201993Z", createdAt = "2030-11-21T10:00:00.736593801Z", lastSeen = null },
      ] }
    }
  }
  step "probe" {
    alive = true
    trip {
      request = "GET /api/v1/apikey"
      headers = { Authorization = "Bearer PF-Ep8d.TIs4" }
      status  = 200
      answer  = { apiKeys = [] }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /api/v1/apikey/PF-Ep8d"
      status  = 200
      answer  = {}
    }
  }
  step "rotate" {
    connection = { api_key = "9bQmT2x.new" }
    key { name = "vault-root-1" }
    trip {
      request = "POST /api/v1/apikey"
      json    = { expiration = "2040-11-19T10:00:00Z" }
      status  = 200
      answer  = { apiKey = "9bQmT2x.new" }
    }
  }
  step "retire" {
    trip {
      request = "DELETE /api/v1/apikey/ZDFnLk6"
      headers = { Authorization = "Bearer 9bQmT2x.new" }
      status  = 200
      answer  = {}
    }
  }
}
