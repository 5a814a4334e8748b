exchange "tokens of an installation" {
  source     = "https://docs.github.com/en/rest/apps/apps; https://docs.github.com/en/rest/apps/installations#revoke-an-installation-access-token; https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app"
  read       = "2026-11-22"
  now        = "2026-11-22T10:00:00Z"
  document   = "github-app.json"
  connection = { app_id = "Iv23li0000000001", private_key = private_key }
  role = {
    installation_id = 1234567
    repositories    = ["Hello-World"]
    permissions     = { contents = "read" }
  }
  headers = { X-GitHub-Api-Version = "2022-11-28" }

  step "check" {
    trip {
      request = "GET https://api.github.com/app"
      jwt     = { iss = "Iv23li0000000001", iat = 1795341540, exp = 1795342080 }
      status  = 200
      answer  = { id = 1, slug = "octoapp", client_id = "Iv23li0000000001" }
    }
  }

  # A token kept from before is made anew, once.
  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET https://api.github.com/app"
      jwt     = { iss = "Iv23li0000000001", iat = 1795341540, exp = 1795342080 }
      status  = 401
      answer  = { message = "A JSON web token could not be decoded" }
    }
    trip {
      request = "GET https://api.github.com/app"
      jwt     = { iss = "Iv23li0000000001", iat = 1795341540, exp = 1795342080 }
      status  = 401
      answer  = { message = "A JSON web token could not be decoded" }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST https://api.github.com/app/installations/1234567/access_tokens"
      json = {
        repositories = ["Hello-World"]
        permissions  = { contents = "read" }
      }
      jwt    = { iss = "Iv23li0000000001", iat = 1795341540, exp = 1795342080 }
      status = 422
      answer = {
        message = "There is at least one repository that does not exist or is not accessible to the parent installation."
      }
    }
  }

  step "issue" {
    id     = "797c0ce414586cc8eb6929afe947c720e3e4d351dd070a6fe39f630beaab3054"
    secret = { token = "ghs_16C7e42F292c6912E7710c838347Ae178B4a" }
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST https://api.github.com/app/installations/1234567/access_tokens"
      headers = { Accept = "application/vnd.github+json" }
      json = {
        repositories = ["Hello-World"]
        permissions  = { contents = "read" }
      }
      jwt    = { iss = "Iv23li0000000001", iat = 1795341540, exp = 1795342080 }
      status = 201
      answer = {
        token                = "ghs_16C7e42F292c6912E7710c838347Ae178B4a"
        expires_at           = "2026-11-22T11:00:00Z"
        permissions          = { contents = "read", metadata = "read" }
        repository_selection = "selected"
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET https://api.github.com/installation/repositories?per_page=1"
      headers = { Authorization = "Bearer ghs_16C7e42F292c6912E7710c838347Ae178B4a" }
      status  = 200
      answer  = { total_count = 1, repositories = [] }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://api.github.com/installation/token"
      headers = { Authorization = "Bearer ghs_16C7e42F292c6912E7710c838347Ae178B4a" }
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://api.github.com/installation/token"
      headers = { Authorization = "Bearer ghs_16C7e42F292c6912E7710c838347Ae178B4a" }
      status  = 401
      answer  = { message = "Bad credentials", documentation_url = "https://docs.github.com/rest" }
    }
  }

  step "revoke" {
    fails = "refused"
    trip {
      request = "DELETE https://api.github.com/installation/token"
      headers = { Authorization = "Bearer ghs_16C7e42F292c6912E7710c838347Ae178B4a" }
      status  = 403
      answer = {
        message = "Although you appear to have the correct authorization credentials, the organization has an IP allow list enabled"
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET https://api.github.com/installation/repositories?per_page=1"
      headers = { Authorization = "Bearer ghs_16C7e42F292c6912E7710c838347Ae178B4a" }
      status  = 401
      answer  = { message = "Bad credentials", documentation_url = "https://docs.github.com/rest" }
    }
  }
}
