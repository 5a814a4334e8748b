exchange "tokens of a user, before Zabbix 6.4" {
  source = "https://www.zabbix.com/documentation/6.0/en/manual/api/reference/token; answers of Zabbix 6.0.14"
  read   = "2026-11-27"
  connection = {
    base_url = "https://zabbix.example/zabbix"
    token = "admin-token"
    credential_in = "body"
  }
  role = {
    user_id = "7"
  }
  headers = {
    Authorization = ""
  }

  step "check" {
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.get"
        params = {
          output = [
            "tokenid",
          ]
          token = "admin-token"
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = [
          {
            tokenid = "1"
          },
        ]
        id = 1
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.get"
        params = {
          output = [
            "tokenid",
          ]
          token = "admin-token"
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        error = {
          code = -32602
          message = "Invalid params."
          data = "Not authorized."
        }
        id = 1
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "site1-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.create"
        params = {
          name = "site1-app-1"
          expires_at = 1921575600
          userid = "7"
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        error = {
          code = -32602
          message = "Invalid params."
          data = "User with ID \"7\" is not available."
        }
        id = 1
      }
    }
  }

  step "issue" {
    id = "12"
    secret = {
      token = "5be237e4"
    }
    key {
      name = "site1-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.create"
        params = {
          name = "site1-app-1"
          expires_at = 1921575600
          userid = "7"
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = {
          tokenids = [
            "12",
          ]
        }
        id = 1
      }
    }
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.generate"
        params = [
          "12",
        ]
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = [
          {
            tokenid = "12"
            token = "5be237e4"
          },
        ]
        id = 1
      }
    }
  }

  step "list" {
    item "12" {
      name         = "site1-app-1"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "never"
      expires_at   = "2030-11-22T11:00:00Z"
    }
    item "13" {
      name         = "by hand"
      created_at   = "2030-11-22T09:26:40Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.get"
        params = {
          output = "extend"
          userids = [
            "7",
          ]
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = [
          {
            tokenid = "12"
            name = "site1-app-1"
            description = ""
            userid = "7"
            lastaccess = "0"
            status = "0"
            expires_at = "1921575600"
            created_at = "1921572000"
            creator_userid = "1"
          },
          {
            tokenid = "13"
            name = "by hand"
            description = ""
            userid = "7"
            lastaccess = "1921572300"
            status = "0"
            expires_at = "0"
            created_at = "1921570000"
            creator_userid = "1"
          },
        ]
        id = 1
      }
    }
  }

  step "extend" {
    key {
      name = "site1-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.update"
        params = {
          tokenid = "12"
          expires_at = 1921575600
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = {
          tokenids = [
            "12",
          ]
        }
        id = 1
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "5be237e4"
        method = "user.get"
        params = {
          output = [
            "userid",
          ]
          limit = 1
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = [
          {
            userid = "7"
          },
        ]
        id = 1
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.get"
        params = {
          output = [
            "tokenid",
          ]
          tokenids = [
            "12",
          ]
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = [
          {
            tokenid = "12"
          },
        ]
        id = 1
      }
    }
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.delete"
        params = [
          "12",
        ]
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = {
          tokenids = [
            "12",
          ]
        }
        id = 1
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.get"
        params = {
          output = [
            "tokenid",
          ]
          tokenids = [
            "12",
          ]
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = []
        id = 1
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "5be237e4"
        method = "user.get"
        params = {
          output = [
            "userid",
          ]
          limit = 1
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        error = {
          code = -32602
          message = "Invalid params."
          data = "Not authorized."
        }
        id = 1
      }
    }
  }

  step "rotate" {
    connection = { token = "new-token" }
    key {
      name = "site1-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.create"
        params = {
          name = "site1-app-1"
          expires_at = 1921575600
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = {
          tokenids = [
            "13",
          ]
        }
        id = 1
      }
    }
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = [
        {
          jsonrpc = "2.0"
          id = 1
          auth = "admin-token"
          method = "token.get"
          params = {
            output = [
              "tokenid",
            ]
            token = "admin-token"
          }
        },
        {
          jsonrpc = "2.0"
          id = 1
          auth = "admin-token"
          method = "token.generate"
          params = [
            "13",
          ]
        },
      ]
      status = 200
      answer = [
        {
          jsonrpc = "2.0"
          result = [
            {
              tokenid = "1"
            },
          ]
          id = 1
        },
        {
          jsonrpc = "2.0"
          result = [
            {
              tokenid = "13"
              token = "new-token"
            },
          ]
          id = 1
        },
      ]
    }
  }

  step "retire" {
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.get"
        params = {
          output = [
            "tokenid",
          ]
          tokenids = [
            "1",
          ]
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = [
          {
            tokenid = "1"
          },
        ]
        id = 1
      }
    }
    trip {
      request = "POST /zabbix/api_jsonrpc.php"
      json = {
        jsonrpc = "2.0"
        id = 1
        auth = "admin-token"
        method = "token.delete"
        params = [
          "1",
        ]
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = {
          tokenids = [
            "1",
          ]
        }
        id = 1
      }
    }
  }
}
