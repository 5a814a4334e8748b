exchange "keys that are known by their ends, before 0.28" {
  source     = "juanfont/headscale:gen/openapiv2/headscale/v1/headscale.swagger.json; answers of Headscale 0.26.1"
  read       = "2026-11-28"
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
    item "PF-Ep8d" {
      name         = "site1-app-1"
      created_at   = "2030-11-22T10:00:00.736593801Z"
      last_used_at = "never"
    }
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
    item "ZDFnLk6" {
      created_at   = "2030-11-20T10:26:38.434368779Z"
      last_used_at = "2030-11-22T10:05:00.5Z"
    }
    trip {
      request = "GET /api/v1/apikey"
      status  = 200
      answer = { apiKeys = [
        { id = "1", prefix = "ZDFnLk6", expiration = "2031-02-26T10:26:38.289025992Z", createdAt = "2030-11-20T10:26:38.434368779Z", lastSeen = "2030-11-22T10:05:00.5Z" },
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

exchange "keys that are known by their ends, since 0.28" {
  source     = "juanfont/headscale:gen/openapiv2/headscale/v1/headscale.swagger.json, hscontrol/db/api_key.go and hscontrol/types/api_key.go of 0.29.2"
  read       = "2026-11-28"
  connection = { base_url = "https://headscale.example", api_key = "hskey-api-0123456789ab-old" }
  headers    = { Authorization = "Bearer hskey-api-0123456789ab-old" }
  now        = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /api/v1/apikey"
      status  = 200
      answer  = { apiKeys = [] }
    }
  }
  step "issue" {
    key {
      name       = "site1-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    id     = "ba9876543210"
    secret = { api_key = "hskey-api-ba9876543210-s3cret" }
    trip {
      request = "POST /api/v1/apikey"
      json    = { expiration = "2030-11-22T11:12:20.201993Z" }
      status  = 200
      answer  = { apiKey = "hskey-api-ba9876543210-s3cret" }
    }
  }
  step "find" {
    item "ba9876543210" {
      name         = "site1-app-1"
      created_at   = "2030-11-22T10:00:00.736593801Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /api/v1/apikey"
      status  = 200
      answer = { apiKeys = [
        { id = "1", prefix = "ZDFnLk6***", expiration = "2031-02-26T10:26:38.289025992Z", createdAt = "2030-11-20T10:26:38.434368779Z", lastSeen = null },
        { id = "2", prefix = "hskey-api-ba9876543210-***", expiration = "2030-11-22T11:12:20.201993Z", createdAt = "2030-11-22T10:00:00.736593801Z", lastSeen = null },
      ] }
    }
  }
  step "list" {
    item "ZDFnLk6" {
      created_at   = "2030-11-20T10:26:38.434368779Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    item "ba9876543210" {
      created_at   = "2030-11-22T10:00:00.736593801Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /api/v1/apikey"
      status  = 200
      answer = { apiKeys = [
        { id = "1", prefix = "ZDFnLk6***", expiration = "2031-02-26T10:26:38.289025992Z", createdAt = "2030-11-20T10:26:38.434368779Z", lastSeen = "2030-11-22T10:05:00Z" },
        { id = "2", prefix = "hskey-api-ba9876543210-***", expiration = "2030-11-22T11:12:20.201993Z", createdAt = "2030-11-22T10:00:00.736593801Z", lastSeen = null },
      ] }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /api/v1/apikey/ba9876543210"
      status  = 200
      answer  = {}
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /api/v1/apikey/ba9876543210"
      status  = 404
      answer  = { title = "Not Found", status = 404, detail = "getting api key" }
    }
  }
  step "rotate" {
    connection = { api_key = "hskey-api-cccccccccccc-new" }
    key { name = "vault-root-1" }
    trip {
      request = "POST /api/v1/apikey"
      json    = { expiration = "2040-11-19T10:00:00Z" }
      status  = 200
      answer  = { apiKey = "hskey-api-cccccccccccc-new" }
    }
  }
  step "retire" {
    trip {
      request = "DELETE /api/v1/apikey/0123456789ab"
      headers = { Authorization = "Bearer hskey-api-cccccccccccc-new" }
      status  = 200
      answer  = {}
    }
  }
}
