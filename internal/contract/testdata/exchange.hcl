exchange "one request" {
  source  = "made up"
  headers = { Authorization = "Bearer admin" }

  step "issue" {
    key { name = "a" }
    trip {
      request = "POST /keys?a=1&b=2"
      json    = { name = "a", limit = 1.5 }
      status  = 201
      answer  = { id = 7 }
    }
  }
}
