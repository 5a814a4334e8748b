exchange "users that read" {
  source = "https://upstash.com/docs/redis/commands/server/acl-gentoken, acl-setuser, acl; https://upstash.com/docs/redis/features/restapi"
  read   = "2026-11-27"
  connection = {
    base_url = "https://eu1-sharing.upstash.io"
    token = "admin"
  }
  role = {
    keys = [
      "cache:*",
    ]
  }
  headers = {
    Authorization = "Bearer admin"
  }

  step "check" {
    trip {
      request = "POST /"
      json = [
        "ACL",
        "USERS",
      ]
      status = 200
      answer = {
        result = [
          "default",
        ]
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "POST /"
      json = [
        "ACL",
        "USERS",
      ]
      status = 401
      answer = {
        error = "Unauthorized"
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
    }
    trip {
      request = "POST /"
      json = [
        "ACL",
        "GENTOKEN",
        "vault-app-1",
      ]
      status = 400
      answer = {
        error = "ERR unknown command"
      }
    }
  }

  step "issue" {
    id = "vault-app-1"
    ends = "never"
    secret = {
      token = "AYNgASQ"
      username = "vault-app-1"
    }
    key {
      name = "vault-app-1"
    }
    trip {
      request = "POST /"
      json = [
        "ACL",
        "GENTOKEN",
        "vault-app-1",
      ]
      status = 200
      answer = {
        result = "AYNgASQ"
      }
    }
    trip {
      request = "POST /"
      json = [
        "ACL",
        "SETUSER",
        "vault-app-1",
        "reset",
        "on",
        ">AYNgASQ",
        "~cache:*",
        "+@read",
      ]
      status = 200
      answer = {
        result = "OK"
      }
    }
  }

  step "list" {
    ids = [
  "default",
  "vault-app-1",
]
    trip {
      request = "POST /"
      json = [
        "ACL",
        "USERS",
      ]
      status = 200
      answer = {
        result = [
          "default",
          "vault-app-1",
        ]
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "POST /"
      headers = {
        Authorization = "Bearer AYNgASQ"
      }
      json = [
        "PING",
      ]
      status = 200
      answer = {
        result = "PONG"
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST /"
      json = [
        "ACL",
        "DELUSER",
        "vault-app-1",
      ]
      status = 200
      answer = {
        result = 1
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST /"
      json = [
        "ACL",
        "DELUSER",
        "vault-app-1",
      ]
      status = 200
      answer = {
        result = 0
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "POST /"
      headers = {
        Authorization = "Bearer AYNgASQ"
      }
      json = [
        "PING",
      ]
      status = 401
      answer = {
        error = "Unauthorized"
      }
    }
  }
}
